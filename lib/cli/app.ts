import type { Command } from 'commander';
import { registerAlarms } from './commands/alarms.ts';
import { registerDlq } from './commands/dlq/register-dlq.ts';
import { registerDns } from './commands/dns.ts';
import { registerDoctor, runDoctorCommand } from './commands/doctor/doctor.ts';
import {
  addRequestOptions,
  registerProductionAccess,
  runRequestCommand,
} from './commands/production-access/production-access.ts';
import { registerQuickstart } from './commands/quickstart/quickstart.ts';
import { registerSecrets } from './commands/secrets/secrets.ts';
import { runVaultCommand } from './commands/secrets/vault.ts';
import { registerSend, sendKnownMail } from './commands/send/send.ts';
import { registerStatus } from './commands/status/status.ts';
import { registerSuppression } from './commands/suppression/suppression.ts';
import type { RunCommand } from './context.ts';

/** All commands of mailctl. The one place where one of them is handed to another, since no command imports another. */
export function registerCommands(program: Command, run: RunCommand): void {
  registerAlarms(program, run);
  registerDlq(program, run);
  registerDns(program, run);
  registerDoctor(program, run);
  registerProductionAccess(program, run);
  registerQuickstart(program, run, {
    doctor: runDoctorCommand,
    secretsVault: runVaultCommand,
    send: sendKnownMail,
    requestProductionAccess: runRequestCommand,
    addRequestOptions,
  });
  registerSecrets(program, run);
  registerSend(program, run);
  registerStatus(program, run);
  registerSuppression(program, run);
}

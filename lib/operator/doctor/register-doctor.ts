import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunCommand } from '../command-context.ts';
import { addDnsServerOptions } from '../dns/dns-server-options.ts';
import { CHECK_GROUPS } from './check.ts';
import { parseGroups } from './choose-checks.ts';
import { type DoctorFlags, runDoctorCommand } from './doctor-command.ts';

const NOTES = `
Checks run side by side; one that fails, or hangs, hides no other. Nothing is changed, and no mail is sent.
The groups: ${CHECK_GROUPS.join(', ')}.

The SMTP host is looked at from where this runs; SMTP_SECURE, SMTP_REQUIRE_TLS, SMTP_TLS_CA and
SMTP_TLS_REJECT_UNAUTHORIZED are read as the worker reads them. Vault is asked where VAULT_ADDR is set.

Exit codes: 0 all is well, or was skipped; 1 there are warnings; 2 something is broken.

Examples:
  mailctl doctor
  mailctl --stage prod doctor --smtp-host mail.keybuzz.io
  mailctl doctor --only dns,identity                      after records were entered
  mailctl --json doctor --skip smtp | jq '.checks[] | select(.status == "fail")'
  kubectl get secret keybuzz-ses -n keybuzz-api-dev -o json | mailctl doctor --kubernetes-file -`;

const DEFAULT_TIMEOUT_MS = 10_000;

/** `mailctl doctor`: what is wrong, and what mends it. */
export function registerDoctor(program: Command, run: RunCommand): void {
  const doctor = program
    .command('doctor')
    .description('check everything, and say what mends what is wrong')
    .option('--only <groups>', 'these groups of checks alone, such as dns,smtp', parseGroups)
    .option('--skip <groups>', 'all but these groups', parseGroups)
    .addOption(
      new Option('--timeout <seconds>', 'for each check')
        .argParser(seconds)
        .default(DEFAULT_TIMEOUT_MS, String(DEFAULT_TIMEOUT_MS / 1000)),
    )
    .option('--smtp-host <host>', "the API's own mail server (or SMTP_HOST)")
    .option('--smtp-port <port>', '(or SMTP_PORT; else 587)', port)
    .option('--mount <path>', 'the KV v2 store of Vault', 'secret')
    .option('--path <path>', 'of the secret beneath the mount (default: "<project>/ses")')
    .option('--kubernetes-file <file>', 'a Secret as kubectl prints it, to compare; - is standard input')
    .addHelpText('after', NOTES);
  addDnsServerOptions(doctor).action(
    ({ timeout, ...flags }: Omit<DoctorFlags, 'timeoutMs'> & { timeout: number }) =>
      run((context) => runDoctorCommand(context, { ...flags, timeoutMs: timeout }, process.stdin)),
  );
}

/** In milliseconds. */
function seconds(text: string): number {
  const number = Number(text);
  if (/^\d{1,3}(?:\.\d{1,3})?$/.test(text) && number > 0) return number * 1000;
  throw new InvalidArgumentError('Give seconds, more than 0: 30.');
}

function port(text: string): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError('A port is a number from 1 to 65535.');
}

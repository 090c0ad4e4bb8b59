import { type Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import { addressSchema } from '../../message/envelope.ts';
import type { RunCommand } from '../command-context.ts';
import type { SendFlags } from './send-command.ts';
import { SEND_WAYS } from './send-result.ts';
import { SIMULATOR } from './simulator.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

const NOTES = `
The ways:
  fallback   the whole way as in an outage of mail-core: the fallback queue, the resend Lambda, SES, its events,
             the ledger. Each step is told with the time since the mail was handed over.
  ses        straight to SES by your own credentials, which need ses:SendEmail; its events are followed, too.
  smtp       mail-core, by SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD and the other variables of the worker.
             Its "250" is all that can be known.

The mailbox simulator takes mail from the sandbox, too. bounce@ and complaint@simulator.amazonses.com show what becomes
of a bounce and of a complaint; they then stand on the suppression list like anybody else.

Exit codes: 0 delivered, or taken by mail-core; 1 sent, but its fate is not known yet; 2 it failed.

Examples:
  mailctl send
  mailctl send --by smtp --to you@example.org
  mailctl send --by ses --from alerts@keybuzz.io
  mailctl --json send --to bounce@simulator.amazonses.com | jq '.steps'`;

/** `mailctl send`: a test mail. */
export function registerSend(program: Command, run: RunCommand): void {
  program
    .command('send')
    .description('send a test mail by SMTP, by SES, or the whole way with a forced fallback')
    .addOption(new Option('--by <way>', 'the way out').choices(SEND_WAYS).default('fallback'))
    .addOption(new Option('--to <address>', 'the recipient').argParser(address).default(SIMULATOR))
    .option('--from <address>', 'the sender (default: mailctl@ the domain that is deployed)', address)
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for its fate')
        .argParser(milliseconds)
        .default(DEFAULT_TIMEOUT_MS, String(DEFAULT_TIMEOUT_MS / 1000)),
    )
    .option('--no-wait', 'end as soon as it is sent')
    .addHelpText('after', NOTES)
    .action(({ timeout, ...flags }: Omit<SendFlags, 'timeoutMs'> & { readonly timeout: number }) =>
      run(async (context) => {
        // The clients of AWS and the composer would make `--help` slow.
        const { runSendCommand } = await import('./send-command.ts');
        return runSendCommand(context, { ...flags, timeoutMs: timeout });
      }),
    );
}

function address(text: string): string {
  const parsed = v.safeParse(addressSchema, text);
  if (!parsed.success) throw new InvalidArgumentError(`It has to be ${parsed.issues[0].message}.`);
  return parsed.output;
}

function milliseconds(text: string): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= 1) return number * 1000;
  throw new InvalidArgumentError('Give whole seconds, 1 or more: 60.');
}

import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import { addressSchema } from '../../../domain/fallback-message.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import type { ExitCode } from '../../errors.ts';
import { SIMULATOR } from '../../lookups/sending-account.ts';
import { wholeNumber } from '../../number-flags.ts';
import type { Style, Terminal } from '../../terminal.ts';
import { exitCodeOf, SEND_WAYS, type SendEnding, type SendResult, type SendStep } from './send-directly.ts';
import { type SendOptions, sendTestMail } from './send-test-mail.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

const NOTES = `
Routes:
  fallback   the full path as in an outage of mail-core: the fallback queue, the resend Lambda, SES, its events,
             the ledger. Each step is shown with the time since the mail was handed over.
  ses        directly to SES with your own credentials, which need ses:SendEmail; its events are followed, too.
  smtp       mail-core, by SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD and the other variables of the worker.
             Its "250" is the final state.
  relay      smtp-relay, by --relay or MAIL_RELAY, from this machine and without login. Its reply says which way the
             mail went, and the delivery id for mailctl status.

The mailbox simulator accepts mail in the sandbox, too. Use bounce@ and complaint@simulator.amazonses.com to test
bounces and complaints; these addresses are then suppressed like any other.

Exit codes: 0 delivered, or accepted by mail-core; 1 sent, but its status is not known yet; 2 it failed.

Examples:
  mailctl send
  mailctl send --urgent
  mailctl send --by smtp --to you@example.org
  mailctl send --by ses --from alerts@example.org
  mailctl --json send --to bounce@simulator.amazonses.com | jq '.data.steps'`;

/** `mailctl send`: a test mail. */
export function registerSend(program: Command, run: RunCommand): void {
  program
    .command('send')
    .description('send a test mail by SMTP, by SES, or through the whole pipeline with a forced fallback')
    .addOption(new Option('--by <way>', 'the route').choices(SEND_WAYS).default('fallback'))
    .addOption(new Option('--to <address>', 'the recipient').argParser(address).default(SIMULATOR))
    .option('--from <address>', 'the sender (default: mailctl@ the deployed domain)', address)
    .option('--urgent', 'by the queue of urgent mail, which no backlog of other mail delays', false)
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for its status')
        .argParser((text: string) => wholeNumber(99_999)(text) * 1000)
        .default(DEFAULT_TIMEOUT_MS, String(DEFAULT_TIMEOUT_MS / 1000)),
    )
    .option('--relay <host:port>', 'with --by relay (or MAIL_RELAY)')
    .option('--no-wait', 'exit as soon as it is sent')
    .addHelpText('after', NOTES)
    .action(({ timeout, ...flags }: Omit<SendFlags, 'timeoutMs'> & { readonly timeout: number }) =>
      run(async (context) => {
        // The clients of AWS and the composer would make `--help` slow.
        return runSendCommand(context, { ...flags, timeoutMs: timeout });
      }),
    );
}

function address(text: string): string {
  const parsed = v.safeParse(addressSchema, text);
  if (!parsed.success) throw new InvalidArgumentError(`It has to be ${parsed.issues[0].message}.`);
  return parsed.output;
}

interface SendFlags extends Omit<SendOptions, 'id' | 'onStep'> {}

/** `mailctl send`. */
async function runSendCommand(context: CommandContext, flags: SendFlags): Promise<ExitCode> {
  const { terminal } = context;
  const result = await sendTestMail(context, {
    ...flags,
    id: `mailctl-${randomUUID()}`,
    onStep: (step) => terminal.note(renderStep(step)),
  });
  terminal.result(result, () => renderSend(terminal, result));
  return exitCodeOf(result);
}

const STYLES: Readonly<Record<SendEnding['verdict'], Style>> = {
  delivered: 'green',
  open: 'yellow',
  failed: 'red',
};

function renderStep({ what, afterMs }: SendStep): string {
  return `${`${(afterMs / 1000).toFixed(1)} s`.padStart(8)}  ${what}`;
}

/** Without the steps, which were printed as they happened. */
function renderSend(terminal: Terminal, { id, by, from, to, verdict, detail, fix }: SendResult): string {
  return [
    `${terminal.paint(STYLES[verdict], verdict)}: ${detail}`,
    `  delivery ${id} by ${by}, from ${from} to ${to}`,
    ...(fix === undefined ? [] : [`  next: ${fix}`]),
  ].join('\n');
}

/** Sends a mail whose ID may have been used before, and follows it; notes what `mailctl send` would print. */
export async function sendKnownMail(
  context: CommandContext,
  mail: Pick<SendOptions, 'id' | 'by' | 'to' | 'timeoutMs'>,
  aside: Terminal,
): Promise<SendResult> {
  const { terminal } = context;
  const onStep = (step: SendStep) => terminal.note(renderStep(step));
  const result = await sendTestMail(context, { ...mail, wait: true, isKnownId: true, onStep });
  terminal.note(renderSend(aside, result));
  return result;
}

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Clock, systemClock } from '../../../ports/runtime.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import type { Terminal } from '../../terminal.ts';
import { checkMessage, describeFindings, type MessageCheck } from './check-message.ts';

/** `mailctl message`: fallback messages before they are sent. */
export function registerMessage(program: Command, run: RunCommand): void {
  program
    .command('message')
    .description('fallback messages, for developers of a sender')
    .command('check')
    .description('check a fallback message without sending it, and say what would become of it')
    .argument('<file>', 'the body of the SQS message, as JSON; - is standard input')
    .addHelpText(
      'after',
      `
Examples:
  mailctl message check message.json
  ./my-sender --print | mailctl --json message check - | jq '.data.problems[] | {path, value, rule}'

Needs no AWS account and no connection. Addresses are masked. Content in S3 is not looked at. The domain that may send
is that of MAIL_DOMAIN, else of cdk.json; without either it is not checked.

Exit codes: 0 it would be sent; 1 it would be sent to some only, or look at the warnings; 2 it would become a dead
letter, or the file cannot be read.`,
    )
    .action((file: string) => run((context) => runCheck(file, context, systemClock)));
}

async function runCheck(
  file: string,
  { terminal, streams, env, projectFile }: CommandContext,
  clock: Clock,
): Promise<ExitCode> {
  const body = file === '-' ? await text(streams.input) : await read(file);
  const now = clock.now();
  const check = await checkMessage(body, now, env.MAIL_DOMAIN || projectFile?.settings.domain);
  terminal.result(check, () => render(terminal, check));
  if (check.outcome === 'dead-letter') return EXIT.failed;
  return check.outcome === 'sent' && check.warnings.length === 0 ? EXIT.ok : EXIT.warning;
}

/** @throws {@link OperatorError} */
async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `${file} cannot be read: ${cause.code}`;
    throw new OperatorError(
      'FILE_UNREADABLE',
      message,
      'name a file that can be read, or - for standard input',
      {
        cause,
      },
    );
  });
}

/** A message may have thousands of recipients. */
const SHOWN_RECIPIENTS = 10;

function render(terminal: Terminal, check: MessageCheck): string {
  const { id, tenantId, priority, recipients, bytes, content, expiresAt } = check;
  const fields: (readonly [string, string | undefined])[] = [
    ['id', id],
    ['tenant', tenantId],
    ['priority', priority],
    ['recipients', recipients.length === 0 ? undefined : recipientsText(recipients)],
    ['message', `${bytes.message} of ${bytes.limit} bytes`],
    ['content', content === undefined ? undefined : contentText(content, bytes.mime)],
    [
      'expires',
      content === undefined ? undefined : (expiresAt ?? 'never: without expiresAt it is sent however late'),
    ],
  ];
  return [
    terminal.paint('bold', verdict(check)),
    ...describeFindings(check).map((finding) => `  - ${finding}`),
    ...fields.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(11)} ${value}`])),
  ].join('\n');
}

function verdict({ outcome, cause, recipients }: MessageCheck): string {
  const count = recipients.length === 1 ? '1 recipient' : `${recipients.length} recipients`;
  switch (outcome) {
    case 'sent':
      return `It would be sent to ${count}.`;
    case 'partly':
      return `It would be sent to ${count}; the others would become a dead letter: ${cause}`;
    case 'dead-letter':
      return `It would become a dead letter: ${cause}`;
  }
}

function recipientsText(recipients: readonly string[]): string {
  const more = recipients.length - SHOWN_RECIPIENTS;
  const shown = recipients.slice(0, SHOWN_RECIPIENTS).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function contentText(content: 'inline' | 's3', mime: number | undefined): string {
  const where = content === 's3' ? 'in S3, not looked at' : 'inline';
  return mime === undefined ? where : `${where}; ${mime} bytes of MIME`;
}

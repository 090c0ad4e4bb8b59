import { S3PayloadSource } from '../../../adapters/s3/s3-payload-source.ts';
import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  matchesFilter,
  printable,
  scanDeadLetters,
} from '../../lookups/dead-letters.ts';
import {
  type DeadLetterDetails,
  describeDeadLetter,
  type Reveal,
} from '../../lookups/dlq/dead-letter-details.ts';
import { noSuchDeadLetter, openDlqClients } from '../../lookups/dlq/open-queues.ts';
import type { Terminal } from '../../terminal.ts';
import { age } from '../../terminal.ts';
import { countText } from './causes.ts';

/** Enough for a payload of 40 MB over a slow connection. */
const PAYLOAD_TIMEOUT_MS = 60_000;

export interface ShowRequest {
  readonly choice: DeadLetterFilter;
  readonly limit: number;
  readonly reveal: Reveal;
}

/** Shows single dead letters. */
export async function showDeadLetters(
  context: CommandContext,
  { choice, limit, reveal }: ShowRequest,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, aws, commands } = context;
  const { survey, payloadBucket } = await openDlqClients(context);
  const deadLetters: DeadLetter[] = [];
  let more = 0;
  const { inFlight } = await scanDeadLetters(survey, (deadLetter) => {
    if (!matchesFilter(choice, deadLetter)) return true;
    if (deadLetters.length < limit) deadLetters.push(deadLetter);
    else more += 1;
    return true;
  });
  if (deadLetters.length === 0) throw noSuchDeadLetter(inFlight, commands);
  const payloads = async () => new S3PayloadSource(await aws.s3(), payloadBucket, PAYLOAD_TIMEOUT_MS);
  const details: DeadLetterDetails[] = [];
  for (const deadLetter of deadLetters) details.push(await describeDeadLetter(deadLetter, reveal, payloads));
  terminal.result(details, () =>
    details.map((one) => renderDetails(terminal, one, clock.now())).join('\n\n'),
  );
  if (more > 0)
    terminal.note(`${countText(more)} more of it: --limit ${deadLetters.length + more} shows all.`);
  return EXIT.ok;
}

/** A mail may have thousands of recipients. */
const SHOWN_RECIPIENTS = 10;

/** Renders a dead letter as text. */
function renderDetails(terminal: Terminal, details: DeadLetterDetails, now: Date): string {
  const { envelope, tenantId, cause, detail, inQueueSince, receiveCount, queueMessageId } = details;
  const rows: [string, string | undefined][] = [
    ['cause', cause],
    ['detail', detail],
    ['age', `${age(new Date(inQueueSince), now)}, since ${inQueueSince}`],
    ['receives', String(receiveCount)],
    ['message', queueMessageId],
    ['tenant', tenantId],
  ];
  if (envelope !== undefined) {
    rows.push(
      ['from', envelope.from],
      ['to', recipients(envelope.to)],
      ['created', envelope.createdAt],
      ['expires', envelope.expiresAt],
      ['SMTP', envelope.smtpFailure],
    );
  }
  const lines = [terminal.paint('bold', details.deliveryId ?? 'a letter without a delivery id')];
  lines.push(...fields(rows));
  lines.push(...contentLines(details));
  return lines.join('\n');
}

function contentLines({ envelope, raw }: DeadLetterDetails): string[] {
  if (raw !== undefined) return ['', text(raw)];
  if (envelope === undefined) return [];
  const { content } = envelope;
  if (content.kind === 'not-readable') return fields([['mail', content.detail]]);
  const size: [string, string][] = content.bytes === undefined ? [] : [['bytes', String(content.bytes)]];
  const lines = ['  mail', ...fields([...size, ...Object.entries(content.headers)], '    ')];
  return content.body === undefined ? lines : [...lines, '', text(content.body)];
}

function fields(rows: readonly (readonly [string, string | undefined])[], indent = '  '): string[] {
  return rows.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${indent}${name.padEnd(11)} ${value}`],
  );
}

function recipients(to: readonly string[]): string {
  const shown = to.slice(0, SHOWN_RECIPIENTS).join(', ');
  return to.length <= SHOWN_RECIPIENTS ? shown : `${shown} and ${to.length - SHOWN_RECIPIENTS} more`;
}

/** Strips control characters, but keeps line breaks. */
function text(value: string): string {
  return value
    .split(/\r?\n/)
    .map((line) => printable(line))
    .join('\n');
}

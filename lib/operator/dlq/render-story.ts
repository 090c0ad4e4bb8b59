import type { Terminal } from '../terminal.ts';
import { printable } from './letter.ts';
import type { LetterStory } from './letter-story.ts';
import { age } from './render-causes.ts';

/** The API may write to thousands at once. */
const SHOWN_RECIPIENTS = 10;

/** A letter for a person to read. */
export function renderStory(terminal: Terminal, story: LetterStory, now: Date): string {
  const { envelope, cause, reason, detail, inQueueSince, receiveCount, queueMessageId } = story;
  const rows: [string, string | undefined][] = [
    ['cause', reason === undefined || reason === cause ? cause : `${cause} (parked as ${reason})`],
    ['detail', detail],
    ['age', `${age(new Date(inQueueSince), now)}, since ${inQueueSince}`],
    ['receives', String(receiveCount)],
    ['message', queueMessageId],
  ];
  if (envelope !== undefined) {
    rows.push(
      ['tenant', envelope.tenantId],
      ['from', envelope.from],
      ['to', recipients(envelope.to)],
      ['created', envelope.createdAt],
      ['expires', envelope.expiresAt],
      ['SMTP', envelope.smtpFailure],
    );
  }
  const lines = [terminal.paint('bold', story.deliveryId ?? 'a letter without a delivery id')];
  lines.push(...fields(rows));
  lines.push(...contentLines(story));
  return lines.join('\n');
}

function contentLines({ envelope, raw }: LetterStory): string[] {
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

/** Lines stay lines. */
function text(value: string): string {
  return value
    .split(/\r?\n/)
    .map((line) => printable(line))
    .join('\n');
}

import { S3PayloadStore } from '../../../adapters/s3/s3-payload-store.ts';
import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import {
  isChosen,
  type Letter,
  type LetterChoice,
  printable,
  surveyLetters,
} from '../../lookups/dead-letters.ts';
import type { Terminal } from '../../terminal.ts';
import { age, lettersText } from './causes.ts';
import { type LetterStory, type Reveal, tellLetter } from './dead-letter-details.ts';
import { noSuchLetter, openLetterBoxes } from './open-queues.ts';

/** A payload of 40 MB over a slow line. */
const PAYLOAD_TIMEOUT_MS = 60_000;

export interface ShowRequest {
  readonly choice: LetterChoice;
  readonly limit: number;
  readonly reveal: Reveal;
}

/** Shows letters one by one. */
export async function showLetters(
  context: CommandContext,
  { choice, limit, reveal }: ShowRequest,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, aws, commands } = context;
  const { survey, payloadBucket } = await openLetterBoxes(context);
  const letters: Letter[] = [];
  let more = 0;
  const { outOfSight } = await surveyLetters(survey, (letter) => {
    if (!isChosen(choice, letter)) return true;
    if (letters.length < limit) letters.push(letter);
    else more += 1;
    return true;
  });
  if (letters.length === 0) throw noSuchLetter(outOfSight, commands);
  const payloads = async () => new S3PayloadStore(await aws.s3(), payloadBucket, PAYLOAD_TIMEOUT_MS);
  const stories: LetterStory[] = [];
  for (const letter of letters) stories.push(await tellLetter(letter, reveal, payloads));
  terminal.result(stories, () =>
    stories.map((story) => renderStory(terminal, story, clock.now())).join('\n\n'),
  );
  if (more > 0) terminal.note(`${lettersText(more)} more of it: --limit ${letters.length + more} shows all.`);
  return EXIT.ok;
}

/** The API may write to thousands at once. */
const SHOWN_RECIPIENTS = 10;

/** A letter for a person to read. */
function renderStory(terminal: Terminal, story: LetterStory, now: Date): string {
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

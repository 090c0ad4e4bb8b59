import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { describeFailure } from '../../describe-failure.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import {
  isChosen,
  type Letter,
  type LetterChoice,
  type SurveyParts,
  surveyLetters,
} from '../../lookups/dead-letters.ts';
import {
  type CauseGroup,
  groupsOf,
  type LetterSummary,
  lettersText,
  outOfSightText,
  renderCauses,
  summaryOf,
} from './causes.ts';
import { noSuchLetter, openLetterBoxes } from './open-queues.ts';
import {
  type LetterResult,
  Pace,
  type WorkOutcome,
  type WorkParts,
  workLetters,
} from './process-dead-letters.ts';
import { restLines } from './redrive.ts';

/** Nothing is flooded by deleting; it keeps to the batches of SQS. */
const DROPS_A_SECOND = 1_000;

export interface DropCommand {
  readonly choice: LetterChoice;
  readonly reason: DropReason;
  readonly recordPath: string;
}

/** Shows which letters go away for good, asks, writes them down and deletes them. */
export async function drop(
  context: CommandContext,
  { choice, reason, recordPath }: DropCommand,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const boxes = await openLetterBoxes(context);
  const { letters, causes, outOfSight } = await planDrop(choice, boxes.survey);
  signal.throwIfAborted();
  const planned = { planned: letters.length, causes, outOfSight };
  const outOfSightLines = outOfSight > 0 ? [outOfSightText(outOfSight)] : [];
  if (letters.length === 0) {
    if (choice.by !== 'all') throw noSuchLetter(outOfSight, commands);
    terminal.result(planned, () => ['There is no letter to drop.', ...outOfSightLines].join('\n'));
    return outOfSight > 0 ? EXIT.warning : EXIT.ok;
  }

  const record = resolve(recordPath);
  await openDropRecord(record);
  terminal.note(renderCauses(terminal, causes, clock.now()));
  if (!(await terminal.confirm(`Delete ${lettersText(letters.length)} for good?`))) {
    terminal.result({ ...planned, confirmed: false }, () => 'Nothing was dropped: it needs a yes, or --yes.');
    return EXIT.warning;
  }
  const outcome = await dropLetters(new Set(letters.map(({ queueMessageId }) => queueMessageId)), {
    box: boxes.deadLetters,
    pace: new Pace(DROPS_A_SECOND),
    progress: terminal.progress('Dropping', letters.length),
    clock,
    signal,
    recordPath: record,
    reason,
  });
  const { done: dropped, missing, broken } = outcome;
  const failed = Object.fromEntries(outcome.failed);
  const failure = broken === undefined ? undefined : describeFailure(broken.error, commands);
  const result = { ...planned, dropped, failed, missing, interrupted: signal.aborted, failure, record };
  terminal.result(result, () =>
    [
      `${lettersText(dropped)} dropped; the record is in ${record}.`,
      ...restLines(outcome, signal.aborted, failure),
      ...outOfSightLines,
    ].join('\n'),
  );
  if (failure !== undefined) return EXIT.failed;
  return dropped === letters.length && outOfSight === 0 ? EXIT.ok : EXIT.warning;
}

interface DropPlan {
  readonly letters: readonly LetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly outOfSight: number;
}

/** Finds the letters that are to be dropped; deletes nothing. */
async function planDrop(choice: LetterChoice, parts: SurveyParts): Promise<DropPlan> {
  const letters: LetterSummary[] = [];
  const survey = await surveyLetters(parts, (letter) => {
    if (isChosen(choice, letter)) letters.push(summaryOf(letter));
    return true;
  });
  return { letters, causes: groupsOf(letters), outOfSight: survey.outOfSight };
}

interface DropParts extends WorkParts {
  readonly clock: Clock;
  readonly recordPath: string;
  readonly reason: DropReason;
}

/**
 * Deletes letters for good. Each is in the record before it is deleted: a line may stand for one that is there still,
 * and none goes without a line.
 *
 * @param chosen by their ids of the queue
 */
function dropLetters(chosen: ReadonlySet<string>, parts: DropParts): Promise<WorkOutcome> {
  const { box, clock, recordPath, reason } = parts;
  return workLetters(chosen, parts, async (letters) => {
    await recordDrop(recordPath, letters, reason, clock.now());
    const deleted = await box.delete(letters.map(({ receiptHandle }) => receiptHandle));
    return new Map(
      letters.map(({ queueMessageId, receiptHandle }): [string, LetterResult] => [
        queueMessageId,
        deleted.has(receiptHandle) ? { kind: 'done' } : { kind: 'failed', code: 'NotDeleted' },
      ]),
    );
  });
}

/** Who drops letters, and why. */
interface DropReason {
  readonly because: string;
  readonly by: string;
}

/**
 * Writes one JSON line for each letter into a file that only grows, and that only its owner can read. It holds what a
 * letter was, and none of its content or addresses.
 *
 * @throws {@link OperatorError} where the lines are not on the disk
 */
async function recordDrop(
  path: string,
  letters: readonly Letter[],
  { because, by }: DropReason,
  at: Date,
): Promise<void> {
  const lines = letters.map(({ deliveryId, queueMessageId, cause, detail, sentAt, parsed }) => {
    const known = parsed.kind === 'envelope' ? parsed.envelope : undefined;
    return `${JSON.stringify({
      at: at.toISOString(),
      deliveryId,
      queueMessageId,
      tenantId: known?.tenantId,
      recipients: known?.envelope.to.length,
      cause,
      detail,
      inQueueSince: sentAt.toISOString(),
      because,
      by,
    })}\n`;
  });
  await append(path, lines.join(''));
}

/**
 * Makes the file where it is not there, so that nobody is asked about letters that cannot be written down.
 *
 * @throws {@link OperatorError} where it cannot be written
 */
function openDropRecord(path: string): Promise<void> {
  return append(path, '');
}

async function append(path: string, lines: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o600);
    try {
      await file.appendFile(lines);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw notWritable(path, error);
  }
}

function notWritable(path: string, error: unknown): OperatorError {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  return new OperatorError(
    'RECORD_NOT_WRITABLE',
    `the record ${path} cannot be written: ${code}`,
    'give --record a file that you may write, in a folder that is there and has room',
    { cause: error },
  );
}

import { resolve } from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import type { CommandContext } from '../command-context.ts';
import { describeFailure } from '../describe-failure.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { dropLetters, planDrop } from './drop-letters.ts';
import { type DropReason, openDropRecord } from './drop-record.ts';
import type { LetterChoice } from './letter-choice.ts';
import { noSuchLetter } from './no-such-letter.ts';
import { openLetterBoxes } from './open-letter-boxes.ts';
import { Pace } from './pace.ts';
import { lettersText, outOfSightText, renderCauses } from './render-causes.ts';
import { restLines } from './render-redrive.ts';

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

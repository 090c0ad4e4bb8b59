import type { Clock } from '../../ports/clock.ts';
import { type CauseGroup, groupsOf, type LetterSummary, summaryOf } from './cause-groups.ts';
import { type DropReason, recordDrop } from './drop-record.ts';
import { isChosen, type LetterChoice } from './letter-choice.ts';
import { type SurveyParts, surveyLetters } from './survey-letters.ts';
import { type LetterResult, type WorkOutcome, type WorkParts, workLetters } from './work-letters.ts';

export interface DropPlan {
  readonly letters: readonly LetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly outOfSight: number;
}

/** Finds the letters that are to be dropped; deletes nothing. */
export async function planDrop(choice: LetterChoice, parts: SurveyParts): Promise<DropPlan> {
  const letters: LetterSummary[] = [];
  const survey = await surveyLetters(parts, (letter) => {
    if (isChosen(choice, letter)) letters.push(summaryOf(letter));
    return true;
  });
  return { letters, causes: groupsOf(letters), outOfSight: survey.outOfSight };
}

export interface DropParts extends WorkParts {
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
export function dropLetters(chosen: ReadonlySet<string>, parts: DropParts): Promise<WorkOutcome> {
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

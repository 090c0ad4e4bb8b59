import type { QueueCounts, SqsLetterBox } from '../../adapters/sqs/sqs-letter-box.ts';
import type { Progress } from '../terminal.ts';
import { type Letter, readLetter } from './letter.ts';

/** Polls side by side: most of the time of each goes into waiting for SQS. */
const POLLS = 4;

/** A walk is a hundred times faster than this; what a killed one held is out of sight for no longer. */
const LEAST_HOLD_SECONDS = 30;
const LETTERS_A_SECOND = 100;
/** SQS hides a message for 12 hours at most. */
const MOST_HOLD_SECONDS = 11 * 60 * 60;

export interface Survey {
  /** What the queue said before anything was held. */
  readonly counts: QueueCounts;
  readonly seen: number;
  /** Held by somebody else for as long as it took to look. */
  readonly outOfSight: number;
  /** False where it was stopped before the queue had no more to show. */
  readonly complete: boolean;
}

export interface SurveyParts {
  readonly box: SqsLetterBox;
  readonly signal: AbortSignal;
  /** Called with how many letters there seem to be. */
  readonly progress: (total: number) => Progress;
}

/**
 * Looks at each letter of the queue once. All are held until the end, so that none comes twice, and then given back,
 * also where the walk fails or is stopped.
 *
 * @param look returns false to see no more
 * @throws what the SDK throws
 */
export async function surveyLetters(
  { box, signal, progress }: SurveyParts,
  look: (letter: Letter) => boolean,
): Promise<Survey> {
  const counts = await box.counts();
  const holdSeconds = holdFor(counts);
  const bar = progress(counts.waiting);
  const handles = new Map<string, string>();
  let wantsMore = true;
  let isEmpty = false;
  try {
    while (wantsMore && !isEmpty && !signal.aborted) {
      const known = handles.size;
      const polls = await Promise.allSettled(
        Array.from({ length: POLLS }, () => box.receive({ most: 10, holdSeconds })),
      );
      for (const message of polls.flatMap((poll) => (poll.status === 'fulfilled' ? poll.value : []))) {
        const isNew = !handles.has(message.queueMessageId);
        handles.set(message.queueMessageId, message.receiptHandle);
        if (isNew && wantsMore) wantsMore = look(readLetter(message));
      }
      // Those that others brought are held already, and must be given back.
      const failed = polls.find((poll) => poll.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      // Nothing new: the queue is empty, or so slow that what was seen first comes again.
      isEmpty = handles.size === known;
      bar.set(handles.size);
    }
    const seen = handles.size;
    return { counts, seen, outOfSight: outOfSightOf(counts, seen, isEmpty), complete: isEmpty };
  } finally {
    bar.stop();
    await box.giveBack([...handles.values()]);
  }
}

function holdFor({ waiting }: QueueCounts): number {
  return Math.min(LEAST_HOLD_SECONDS + Math.ceil(waiting / LETTERS_A_SECOND), MOST_HOLD_SECONDS);
}

/** What was held at first may have come back meanwhile, and then was seen. */
function outOfSightOf({ waiting, outOfSight }: QueueCounts, seen: number, isComplete: boolean): number {
  return isComplete ? Math.min(outOfSight, Math.max(0, waiting + outOfSight - seen)) : outOfSight;
}

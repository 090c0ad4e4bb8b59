import type { DlqClient, QueueCounts, ReceivedDeadLetter } from '../../adapters/sqs/dlq-client.ts';
import { maskAddressesIn } from '../../domain/address.ts';
import { type ParsedFallbackMessage, parseFallbackMessage } from '../../domain/fallback-message.ts';
import { MAX_RECEIVE_COUNT } from '../../domain/limits.ts';
import type { Progress } from '../terminal.ts';

/** Causes of letters that nobody gave a reason for, or whose reason does not matter. */
const CAUSE = {
  /** Nobody can read the body: it can be looked at and dropped, never redriven. */
  unreadable: 'unreadable',
  /** SQS moved it here by itself. */
  givenUp: 'too-many-receives',
  /** Its body left no room for attributes; the log of the resend Lambda tells the reason. */
  untold: 'no-reason',
} as const;

/** A dead letter in hand. All texts can be shown on a terminal, and hold no whole address. */
export interface DeadLetter extends ReceivedDeadLetter {
  readonly parsed: ParsedFallbackMessage;
  /** A word to group by. */
  readonly cause: string;
  /** As it was parked with. */
  readonly reason: string | undefined;
  readonly detail: string;
  readonly deliveryId: string | undefined;
}

/** Reads a dead letter as the resend Lambda parks it, or as SQS moves it. */
export function readDeadLetter(held: ReceivedDeadLetter): DeadLetter {
  const parsed = parseFallbackMessage(held.body);
  const { attributes } = held;
  const reason = attributes.reason === undefined ? undefined : printable(attributes.reason);
  const deliveryId = parsed.kind === 'message' ? parsed.message.id : attributes.deliveryId;
  return {
    ...held,
    parsed,
    reason,
    cause: causeOf(held, parsed, reason),
    detail: maskAddressesIn(printable(detailOf(held, parsed))),
    deliveryId: deliveryId === undefined ? undefined : printable(deliveryId),
  };
}

/** Without the characters that move a terminal's cursor or colour it: attributes and headers come from outside. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

function causeOf(
  held: ReceivedDeadLetter,
  parsed: ParsedFallbackMessage,
  reason: string | undefined,
): string {
  if (parsed.kind === 'unreadable') return CAUSE.unreadable;
  if (reason !== undefined && reason !== '') return reason;
  return wasGivenUp(held) ? CAUSE.givenUp : CAUSE.untold;
}

function detailOf(held: ReceivedDeadLetter, parsed: ParsedFallbackMessage): string {
  if (parsed.kind === 'unreadable') return `${parsed.reason}: ${parsed.detail}`;
  if (held.attributes.detail !== undefined) return held.attributes.detail;
  return wasGivenUp(held)
    ? `SQS handed it out ${MAX_RECEIVE_COUNT} times`
    : 'look for its id in the log of the resend Lambda';
}

function wasGivenUp({ movedByQueue, receiveCount }: ReceivedDeadLetter): boolean {
  return movedByQueue || receiveCount > MAX_RECEIVE_COUNT;
}

/** Polls side by side: most of the time of each goes into waiting for SQS. */
const POLLS = 4;

/** A walk is a hundred times faster than this; what a killed one held is out of sight for no longer. */
const MIN_VISIBILITY_SECONDS = 30;
const LETTERS_A_SECOND = 100;
/** SQS hides a message for 12 hours at most. */
const MAX_VISIBILITY_SECONDS = 11 * 60 * 60;

export interface DlqScan {
  /** What the queue said before anything was held. */
  readonly counts: QueueCounts;
  readonly seen: number;
  /** Held by somebody else for as long as it took to look. */
  readonly outOfSight: number;
  /** False where it was stopped before the queue had no more to show. */
  readonly complete: boolean;
}

export interface ScanDeps {
  readonly box: DlqClient;
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
export async function scanDeadLetters(
  { box, signal, progress }: ScanDeps,
  look: (deadLetter: DeadLetter) => boolean,
): Promise<DlqScan> {
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
        if (isNew && wantsMore) wantsMore = look(readDeadLetter(message));
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
  return Math.min(MIN_VISIBILITY_SECONDS + Math.ceil(waiting / LETTERS_A_SECOND), MAX_VISIBILITY_SECONDS);
}

/** What was held at first may have come back meanwhile, and then was seen. */
function outOfSightOf({ waiting, outOfSight }: QueueCounts, seen: number, isComplete: boolean): number {
  return isComplete ? Math.min(outOfSight, Math.max(0, waiting + outOfSight - seen)) : outOfSight;
}

/** Which letters a command is about. */
export type DeadLetterFilter =
  | { readonly by: 'all' }
  | { readonly by: 'cause'; readonly cause: string }
  /** The id of the delivery, or the one that the queue gave the message. */
  | { readonly by: 'id'; readonly id: string };

export function matchesFilter(
  choice: DeadLetterFilter,
  { cause, deliveryId, queueMessageId }: DeadLetter,
): boolean {
  switch (choice.by) {
    case 'all':
      return true;
    case 'cause':
      return cause === choice.cause;
    case 'id':
      return deliveryId === choice.id || queueMessageId === choice.id;
  }
}

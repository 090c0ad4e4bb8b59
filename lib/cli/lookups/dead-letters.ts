import type { DlqClient, QueueCounts, ReceivedDeadLetter } from '../../adapters/sqs/dlq-client.ts';
import { maskAddressesIn } from '../../domain/address.ts';
import { type ParsedFallbackMessage, parseFallbackMessage } from '../../domain/fallback-message.ts';
import { MAX_RECEIVE_COUNT } from '../../domain/limits.ts';
import type { Progress } from '../terminal.ts';

/** Causes of dead letters that came without one. A body that cannot be parsed has the cause that it would get. */
const CAUSE = {
  /** SQS moved it here after maxReceiveCount. */
  tooManyReceives: 'too-many-receives',
  /** The body left no room for attributes; the log of the resend Lambda has the cause. */
  notSaid: 'not-said',
} as const;

/** A received dead letter. All texts are safe to print on a terminal, and contain no unmasked address. */
export interface DeadLetter extends ReceivedDeadLetter {
  readonly parsed: ParsedFallbackMessage;
  /** Why it is one, as in its attribute: a stable code to group by. */
  readonly cause: string;
  readonly detail: string;
  readonly deliveryId: string | undefined;
  readonly tenantId: string | undefined;
}

/** Parses a dead letter that the resend Lambda sent to the DLQ, or that SQS moved there. */
export function readDeadLetter(held: ReceivedDeadLetter): DeadLetter {
  const parsed = parseFallbackMessage(held.body);
  const { attributes } = held;
  const { deliveryId, tenantId } = subjectOf(parsed, attributes);
  return {
    ...held,
    parsed,
    cause: causeOf(held, parsed),
    detail: maskAddressesIn(printable(detailOf(held, parsed))),
    deliveryId: deliveryId === undefined ? undefined : printable(deliveryId),
    tenantId: tenantId === undefined ? undefined : printable(tenantId),
  };
}

function subjectOf(
  parsed: ParsedFallbackMessage,
  attributes: ReceivedDeadLetter['attributes'],
): { readonly deliveryId: string | undefined; readonly tenantId: string | undefined } {
  const read = parsed.kind === 'message' ? parsed.message : parsed.subject;
  return { deliveryId: read.id ?? attributes.deliveryId, tenantId: read.tenantId ?? attributes.tenantId };
}

/** Strips characters that move a terminal's cursor or colour it: attributes and headers are untrusted. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

function causeOf(held: ReceivedDeadLetter, parsed: ParsedFallbackMessage): string {
  const cause = printable(held.attributes.cause ?? '');
  if (cause !== '') return cause;
  if (parsed.kind === 'unreadable') return parsed.reason;
  return wasGivenUp(held) ? CAUSE.tooManyReceives : CAUSE.notSaid;
}

function detailOf(held: ReceivedDeadLetter, parsed: ParsedFallbackMessage): string {
  if (parsed.kind === 'unreadable') return parsed.detail;
  if (held.attributes.detail !== undefined) return held.attributes.detail;
  return wasGivenUp(held)
    ? `SQS handed it out ${MAX_RECEIVE_COUNT} times`
    : 'look for its id in the log of the resend Lambda';
}

function wasGivenUp({ movedByQueue, receiveCount }: ReceivedDeadLetter): boolean {
  return movedByQueue || receiveCount > MAX_RECEIVE_COUNT;
}

/** Concurrent polls: each spends most of its time waiting for SQS. */
const POLLS = 4;

/** A scan is a hundred times faster than this; after a kill, its messages stay in flight no longer. */
const MIN_VISIBILITY_SECONDS = 30;
const SCANNED_PER_SECOND = 100;
/** The maximum visibility timeout of SQS is 12 hours. */
const MAX_VISIBILITY_SECONDS = 11 * 60 * 60;

export interface DlqScan {
  /** The queue's counts before the scan received anything. */
  readonly counts: QueueCounts;
  readonly seen: number;
  /** In flight with other consumers during the whole scan. */
  readonly inFlight: number;
  /** False if the scan was stopped before the end of the queue. */
  readonly complete: boolean;
}

export interface ScanDeps {
  readonly box: DlqClient;
  readonly signal: AbortSignal;
  /** Called with the approximate number of dead letters. */
  readonly progress: (total: number) => Progress;
}

/**
 * Visits each dead letter of the queue once. All stay in flight until the end, so that none comes twice, and
 * are then released, even if the scan fails or is stopped.
 *
 * @param look returns false to stop
 * @throws SDK errors
 */
export async function scanDeadLetters(
  { box, signal, progress }: ScanDeps,
  look: (deadLetter: DeadLetter) => boolean,
): Promise<DlqScan> {
  const counts = await box.counts();
  const holdSeconds = visibilityTimeoutFor(counts);
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
      // The other polls' messages are in flight already and must be released, so throw only now.
      const failed = polls.find((poll) => poll.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      // Nothing new: the queue is empty, or so slow that the first messages are visible again.
      isEmpty = handles.size === known;
      bar.set(handles.size);
    }
    const seen = handles.size;
    return { counts, seen, inFlight: inFlightAfter(counts, seen, isEmpty), complete: isEmpty };
  } finally {
    bar.stop();
    await box.giveBack([...handles.values()]);
  }
}

function visibilityTimeoutFor({ waiting }: QueueCounts): number {
  return Math.min(MIN_VISIBILITY_SECONDS + Math.ceil(waiting / SCANNED_PER_SECOND), MAX_VISIBILITY_SECONDS);
}

/** Messages in flight at the start may have become visible during the scan, and were then seen. */
function inFlightAfter({ waiting, inFlight }: QueueCounts, seen: number, isComplete: boolean): number {
  return isComplete ? Math.min(inFlight, Math.max(0, waiting + inFlight - seen)) : inFlight;
}

/** Selects the dead letters of a command. */
export type DeadLetterFilter =
  | { readonly by: 'all' }
  | { readonly by: 'cause'; readonly cause: string }
  /** The delivery ID, or the SQS message ID. */
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

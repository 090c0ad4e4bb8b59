import { errorName } from '../common/errors.ts';
import type { FallbackMessage } from '../domain/fallback-message.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { Log } from './runtime.ts';

/**
 * The attribute of a queue message that holds the remainder of a processed one: its mail was already handed
 * over and counted. Only for metrics, not part of the contract.
 */
export const REMAINDER_ATTRIBUTE = 'remainder';

export interface PushOptions {
  /** SQS DelaySeconds, 0 to 900. */
  readonly delaySeconds?: number;
  /** Whether it is the remainder of a processed message. */
  readonly isRemainder?: boolean;
}

/** What can be checked before it is needed. */
export interface Checkable {
  /**
   * Makes a call that is allowed only if the real one is, and leaves nothing behind that would be sent.
   *
   * @throws as the real call would
   */
  check(): Promise<void>;
}

/** The queue of the resend Lambda. */
export interface FallbackQueue {
  /**
   * Sends an envelope to the queue and returns its message id.
   *
   * @throws if the queue did not confirm it: the caller still owns the mail
   */
  push(message: FallbackMessage, options?: PushOptions): Promise<string>;
}

/** Holds content that is too large for a queue message. */
export interface PayloadStore {
  /** @throws if the store did not confirm it */
  put(key: string, bytes: Buffer): Promise<void>;
}

/** Where a {@link PayloadStore} put it. */
export interface PayloadSource {
  /**
   * Reads at most `maxBytes`; reading a larger object stops with `too-large`.
   *
   * @throws if the store does not respond
   */
  get(key: string, maxBytes: number): Promise<StoredPayload>;
}

export type StoredPayload =
  | { readonly kind: 'payload'; readonly bytes: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large' };

/** Holds mails that can never be sent, for an operator. */
export interface DeadLetters {
  /**
   * Dead-letters a message with its cause.
   *
   * @param body the message as received, or narrowed to the recipients still owed
   * @throws if the queue did not confirm it: the message must stay in its queue
   */
  park(body: string, why: DeadLetterCause): Promise<void>;
}

export interface DeadLetterCause {
  /** A stable code to group by. */
  readonly cause: string;
  /** The exact problem, without whole addresses or content. */
  readonly detail: string;
  readonly deliveryId?: string | undefined;
  readonly tenantId?: string | undefined;
}

/** The queue back to the API. */
export interface ReceiptQueue {
  /**
   * Reports the outcomes of mails to the API. Does not throw.
   *
   * @returns the receipts that the queue did not confirm: they must be pushed again
   */
  push(receipts: readonly Receipt[]): Promise<readonly Receipt[]>;
}

/** Handles the receipts received from the queue. */
export interface ReceiptListener {
  /**
   * Handles up to ten receipts, in any order and with duplicates.
   *
   * @returns the completed receipts, to be deleted. The others are redelivered; if it throws, all are.
   */
  take(receipts: readonly Receipt[]): Promise<readonly Receipt[]>;
  /** Called after `take` threw, before the next receive. @throws while nothing can be handled */
  ready(): Promise<void>;
  /**
   * A message is not a receipt; it stays in the queue.
   *
   * @param detail which fields broke which rules, without their values
   */
  unreadable(queueMessageId: string, detail: string): void;
  /** A call to the queue failed; it is retried. */
  queueFailed(action: 'receive' | 'delete', error: unknown): void;
}

/** A message that a function was invoked with. */
interface ReceivedRecord {
  readonly messageId: string;
  /** Of the current receive. */
  readonly receiptHandle: string;
  /** The ARN of its queue: several may feed a function. */
  readonly eventSourceARN: string;
}

/** Sets when SQS redelivers a message that was not deleted. */
export interface Redelivery {
  /**
   * @param delaySeconds from now, 0 to 43,200
   * @throws if the queue did not confirm it; the queue's own visibility timeout then applies
   */
  postpone(record: ReceivedRecord, delaySeconds: number): Promise<void>;
}

/**
 * Sets when a record that stays in its queue is redelivered. Does not throw: if the queue does not confirm
 * it, the queue's own visibility timeout redelivers the record, only not at the requested time.
 */
export async function postponeRecord(
  record: ReceivedRecord,
  delaySeconds: number,
  { redelivery, log }: { readonly redelivery: Redelivery; readonly log: Log },
): Promise<void> {
  try {
    await redelivery.postpone(record, delaySeconds);
  } catch (error) {
    log.warn('visibility-change-failed', { queueMessageId: record.messageId, ...errorName(error) });
  }
}

/**
 * How long SQS has kept a message, in seconds; never negative, despite clock skew.
 *
 * @param sentTimestamp the attribute `SentTimestamp`: milliseconds since 1970
 */
export function secondsInQueue(sentTimestamp: string, now: Date): number {
  return Math.max((now.getTime() - Number(sentTimestamp)) / 1000, 0);
}

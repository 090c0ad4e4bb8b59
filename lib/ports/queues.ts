import { errorName } from '../common/errors.ts';
import type { FallbackMessage } from '../domain/fallback-message.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { Log } from './runtime.ts';

/**
 * The attribute of a queue message that holds what is left of one that was worked: its mail was handed over, and
 * counted, before. A note for counting, and no part of the contract.
 */
export const REMAINDER_ATTRIBUTE = 'remainder';

export interface PushOptions {
  /** How long the queue keeps it back, 0 to 900. */
  readonly delaySeconds?: number;
  /** Whether it is what is left of a message that was worked. */
  readonly isRemainder?: boolean;
}

/** The way to the resend Lambda. */
export interface FallbackQueue {
  /**
   * Puts an envelope into the queue and returns the id that the queue gave it.
   *
   * @throws where the queue did not confirm it: the caller still owns the mail
   */
  push(message: FallbackMessage, options?: PushOptions): Promise<string>;
}

/** Where content waits that is too large for a queue message. */
export interface PayloadStore {
  /** @throws where the store did not confirm it */
  put(key: string, bytes: Buffer): Promise<void>;
  /**
   * Reads at most `maxBytes`; more than that is `too-large` and is not read on.
   *
   * @throws where the store cannot be asked
   */
  get(key: string, maxBytes: number): Promise<StoredPayload>;
}

export type StoredPayload =
  | { readonly kind: 'payload'; readonly bytes: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large' };

/** Where a mail that can never be sent waits for a person. */
export interface DeadLetters {
  /**
   * Parks a message with the reason beside it.
   *
   * @param body the message as it came, or narrowed to the recipients that are still owed
   * @throws where the queue did not confirm it: the message must stay where it is
   */
  park(body: string, cause: DeadLetterCause): Promise<void>;
}

export interface DeadLetterCause {
  /** A stable word to group by. */
  readonly reason: string;
  /** What exactly was wrong, without addresses or content. */
  readonly detail: string;
  readonly deliveryId?: string;
}

/** The way back to the API. */
export interface ReceiptQueue {
  /**
   * Tells the API what became of its mails. It does not throw.
   *
   * @returns those that the queue did not confirm: they have to be pushed again
   */
  push(receipts: readonly Receipt[]): Promise<readonly Receipt[]>;
}

/** Who takes the receipts that come out of their queue. */
export interface ReceiptListener {
  /**
   * Takes receipts, up to ten at a time, in any order and some of them twice.
   *
   * @returns those that are done with: the queue forgets them. The others come again, and all where it throws.
   */
  take(receipts: readonly Receipt[]): Promise<readonly Receipt[]>;
  /** Asked after `take` threw, before the queue is asked again. @throws while nothing can be taken */
  ready(): Promise<void>;
  /**
   * A message is no receipt; it stays in the queue.
   *
   * @param detail which fields broke which rules, without their values
   */
  unreadable(queueMessageId: string, detail: string): void;
  /** The queue did not do what it was asked; it is asked again. */
  queueFailed(action: 'receive' | 'delete', error: unknown): void;
}

/** When SQS hands out a message again that was not acknowledged. */
export interface Redelivery {
  /**
   * @param receiptHandle of the delivery that is under way
   * @param delaySeconds from now, 0 to 43,200
   * @throws where the queue did not confirm it; the queue's own visibility timeout then stands
   */
  postpone(receiptHandle: string, delaySeconds: number): Promise<void>;
}

/**
 * Sets when a record comes again that stays in its queue. It does not throw: where the queue does not confirm it, its
 * own visibility timeout brings the record back, only not at the time that was wanted.
 */
export async function postponeRecord(
  record: { readonly messageId: string; readonly receiptHandle: string },
  delaySeconds: number,
  { redelivery, log }: { readonly redelivery: Redelivery; readonly log: Log },
): Promise<void> {
  try {
    await redelivery.postpone(record.receiptHandle, delaySeconds);
  } catch (error) {
    log.warn('visibility-change-failed', { queueMessageId: record.messageId, ...errorName(error) });
  }
}

/**
 * How long SQS has kept a message, in seconds; never negative, whatever the clocks say.
 *
 * @param sentTimestamp the attribute `SentTimestamp`: milliseconds since 1970
 */
export function secondsInQueue(sentTimestamp: string, now: Date): number {
  return Math.max((now.getTime() - Number(sentTimestamp)) / 1000, 0);
}

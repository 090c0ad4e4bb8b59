import type { Receipt } from '../message/receipt.ts';

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

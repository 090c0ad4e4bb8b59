import type { Receipt } from '../message/receipt.ts';

/** The way back to the API. */
export interface ReceiptQueue {
  /**
   * Tells the API what became of its mails. It does not throw.
   *
   * @returns those that the queue did not confirm: they have to be pushed again
   */
  push(receipts: readonly Receipt[]): Promise<readonly Receipt[]>;
}

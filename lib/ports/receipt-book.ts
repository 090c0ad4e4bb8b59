import type { Receipt } from '../message/receipt.ts';

/**
 * What became of a receipt:
 *
 * - `entered`: the delivery's row tells it now.
 * - `unchanged`: the row knew it.
 * - `gone`: there is no such row.
 * - `too-early`: a worker is about to write the row, or someone else has it in hand. It has to be entered again later,
 *   though a proof that SES has the mail stands in the row from now on.
 * - `refused`: the database does not take it for this row. A later try may go better, once a person has looked.
 */
export const RECEIPT_RESULTS = ['entered', 'unchanged', 'gone', 'too-early', 'refused'] as const;

export type ReceiptResult = (typeof RECEIPT_RESULTS)[number];

/** Where the API learns what became of the mails that were handed over. */
export interface ReceiptBook {
  /**
   * Writes receipts to the rows of their deliveries. Any order and repetition of them ends in the same rows.
   *
   * @returns the result of each, in their order
   * @throws where the book cannot be asked now; all may be entered again
   */
  enter(receipts: readonly Receipt[]): Promise<readonly ReceiptResult[]>;
  /** @throws where the book cannot be written now */
  ready(): Promise<void>;
  close(): Promise<void>;
}

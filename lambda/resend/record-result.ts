import type { Receipt } from '../../lib/message/receipt.ts';

/** What becomes of a message of the queue. */
export type RecordResult =
  /** Nothing of it is left to do, once the receipts are on their way. */
  | { readonly kind: 'done'; readonly receipts: readonly Receipt[] }
  /** It stays in the queue, and comes back after this time. */
  | { readonly kind: 'retry'; readonly delaySeconds: number; readonly receipts: readonly Receipt[] };

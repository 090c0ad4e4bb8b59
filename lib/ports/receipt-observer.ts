import type { FateKind } from '../message/fate.ts';
import type { ReceiptResult } from './receipt-book.ts';

/** Is told what becomes of receipts, to count it. It never throws and never keeps anybody waiting. */
export interface ReceiptObserver {
  received(kind: FateKind, result: ReceiptResult): void;
  /** A message was no receipt. */
  unreadable(): void;
  /** The receipts' queue did not do what it was asked. */
  queueError(action: 'receive' | 'delete'): void;
  /** The book could not be asked. */
  bookError(code: string): void;
}

import type { Registry } from 'prom-client';
import { FATE_KINDS } from '../message/fate.ts';
import { RECEIPT_RESULTS } from '../ports/receipt-book.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import { counter, labelled } from './series.ts';

/** Counts what becomes of receipts; errors of the book are errors of the outbox, and counted there. */
export function receiptCounters(registry: Registry): Omit<ReceiptObserver, 'bookError'> {
  const receipts = counter(registry, 'outbound_receipts_total');
  // Both come from closed sets. Prometheus would miss the first event of a series that appears with it.
  for (const kind of FATE_KINDS) for (const result of RECEIPT_RESULTS) receipts.inc({ kind, result }, 0);
  const unreadable = counter(registry, 'outbound_receipts_unreadable_total');
  const queueErrors = labelled(registry, 'outbound_receipts_queue_errors_total', ['receive', 'delete']);
  return {
    received: (kind, result) => receipts.inc({ kind, result }),
    unreadable: () => unreadable.inc(),
    queueError: (action) => queueErrors(action),
  };
}

import { Counter, type Registry } from 'prom-client';
import { FATE_KINDS } from '../message/fate.ts';
import { RECEIPT_RESULTS } from '../ports/receipt-book.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import { labelled } from './labelled-counter.ts';

/** Counts what becomes of receipts; errors of the book are errors of the outbox, and counted there. */
export function receiptCounters(registry: Registry): Omit<ReceiptObserver, 'bookError'> {
  const receipts = new Counter({
    name: 'outbound_receipts_total',
    help: 'Receipts that came, by what they tell and what became of them; one that comes again counts again.',
    labelNames: ['kind', 'result'],
    registers: [registry],
  });
  // Both come from closed sets. Prometheus would miss the first event of a series that appears with it.
  for (const kind of FATE_KINDS) for (const result of RECEIPT_RESULTS) receipts.inc({ kind, result }, 0);
  const unreadable = new Counter({
    name: 'outbound_receipts_unreadable_total',
    help: 'Messages in the receipts queue that are no receipts; one that comes again counts again.',
    registers: [registry],
  });
  const queueErrors = labelled(
    registry,
    'outbound_receipts_queue_errors_total',
    'Calls to the receipts queue that failed, after the tries of the SDK.',
    'action',
    ['receive', 'delete'],
  );
  return {
    received: (kind, result) => receipts.inc({ kind, result }),
    unreadable: () => unreadable.inc(),
    queueError: (action) => queueErrors(action),
  };
}

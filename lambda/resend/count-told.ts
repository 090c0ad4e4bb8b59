import { OTHER_VALUE } from '../../lib/message/metrics.ts';
import type { Receipt } from '../../lib/message/receipt.ts';
import type { Metrics } from '../../lib/ports/metrics.ts';

/** Counts who was not sent to once the API is told all of a mail: until then it comes again, and they with it. */
export function countTold(receipts: readonly Receipt[], metrics: Metrics): void {
  for (const { kind, reason = OTHER_VALUE, recipients } of receipts) {
    if (kind === 'suppressed') metrics.add('Suppressed', recipients.length, reason);
  }
}

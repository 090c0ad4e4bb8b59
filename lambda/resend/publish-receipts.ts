import type { Fate } from '../../lib/domain/delivery-status.ts';
import type { Envelope } from '../../lib/domain/fallback-message.ts';
import { OTHER_VALUE } from '../../lib/domain/metrics.ts';
import { type Receipt, receiptsOf } from '../../lib/domain/receipt.ts';
import type { ReceiptQueue } from '../../lib/ports/queues.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import type { SuppressedRecipient } from './filter-suppressed.ts';
import type { Taken } from './send-plan.ts';

/** The API could not be told what it has to know before the next step. */
class NotToldError extends Error {
  override readonly name = 'NotToldError';
  readonly code = 'ENOTTOLD';

  constructor(count: number) {
    super(`the queue did not take ${count} receipts`);
  }
}

/** @throws {@link NotToldError} where the queue did not confirm each of them */
export async function tell(receipts: readonly Receipt[], queue: ReceiptQueue): Promise<void> {
  const unconfirmed = await queue.push(receipts);
  if (unconfirmed.length > 0) throw new NotToldError(unconfirmed.length);
}

/** That SES has the mail: also where it was sent by an earlier try, which may have died before it told. */
export function sentReceipts(envelope: Envelope, region: string, taken: readonly Taken[]): Receipt[] {
  return receipts(
    envelope,
    region,
    taken.flatMap(({ recipients, sesMessageId, sentAt }) =>
      sesMessageId === undefined || sentAt === undefined
        ? []
        : recipients.map((address) => ({
            address,
            fate: { kind: 'sent', at: sentAt.toISOString(), sesMessageId },
          })),
    ),
  );
}

export function suppressedReceipts(
  envelope: Envelope,
  region: string,
  suppressed: readonly SuppressedRecipient[],
  now: Date,
): Receipt[] {
  return receipts(
    envelope,
    region,
    suppressed.map(({ recipient: address, reason }) => ({
      address,
      fate: { kind: 'suppressed', at: now.toISOString(), reason },
    })),
  );
}

/** That a mail waits for a person. */
export function parkedReceipts(
  envelope: Envelope,
  region: string,
  reason: string,
  recipients: readonly string[],
  now: Date,
): Receipt[] {
  const fate: Fate = { kind: reason === 'expired' ? 'expired' : 'failed', at: now.toISOString(), reason };
  return receipts(
    envelope,
    region,
    recipients.map((address) => ({ address, fate })),
  );
}

function receipts(
  { id, tenantId }: Envelope,
  region: string,
  told: readonly { readonly address: string; readonly fate: Fate }[],
): Receipt[] {
  return receiptsOf({ id, tenantId, region }, told);
}

/** Counts who was not sent to once the API is told all of a mail: until then it comes again, and they with it. */
export function countTold(receipts: readonly Receipt[], metrics: Metrics): void {
  for (const { kind, reason = OTHER_VALUE, recipients } of receipts) {
    if (kind === 'suppressed') metrics.add('Suppressed', recipients.length, reason);
  }
}

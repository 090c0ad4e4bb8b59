import type { DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import { OTHER_VALUE } from '../../lib/domain/metrics.ts';
import { type Receipt, toReceipts } from '../../lib/domain/receipt.ts';
import type { ReceiptQueue } from '../../lib/ports/queues.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import type { SuppressedRecipient } from './filter-recipients.ts';
import type { SentRecipients } from './send-plan.ts';

/** Receipts that must be published before the next step were not. */
class ReceiptsNotPublishedError extends Error {
  override readonly name = 'NotToldError';
  readonly code = 'ENOTTOLD';

  constructor(count: number) {
    super(`the queue did not take ${count} receipts`);
  }
}

/** @throws {@link ReceiptsNotPublishedError} if the queue did not confirm each of them */
export async function publishReceipts(receipts: readonly Receipt[], queue: ReceiptQueue): Promise<void> {
  const unconfirmed = await queue.push(receipts);
  if (unconfirmed.length > 0) throw new ReceiptsNotPublishedError(unconfirmed.length);
}

/** Also for what an earlier try sent, which may have crashed before it published the receipts. */
export function sentReceipts(
  message: FallbackMessage,
  region: string,
  sent: readonly SentRecipients[],
): Receipt[] {
  return receipts(
    message,
    region,
    sent.flatMap(({ recipients, sesMessageId, sentAt }) =>
      sesMessageId === undefined || sentAt === undefined
        ? []
        : recipients.map((address) => ({
            address,
            status: { kind: 'sent', at: sentAt.toISOString(), sesMessageId },
          })),
    ),
  );
}

export function suppressedReceipts(
  message: FallbackMessage,
  region: string,
  suppressed: readonly SuppressedRecipient[],
  now: Date,
): Receipt[] {
  return receipts(
    message,
    region,
    suppressed.map(({ recipient: address, reason }) => ({
      address,
      status: { kind: 'suppressed', at: now.toISOString(), reason },
    })),
  );
}

/** Their `reason` is the cause of the dead letter. */
export function deadLetteredReceipts(
  delivery: ReportedDelivery,
  region: string,
  cause: string,
  recipients: readonly string[],
  now: Date,
): Receipt[] {
  const status: DeliveryStatus = {
    kind: cause === 'expired' ? 'expired' : 'failed',
    at: now.toISOString(),
    reason: cause,
  };
  return receipts(
    delivery,
    region,
    recipients.map((address) => ({ address, status })),
  );
}

type ReportedDelivery = Pick<FallbackMessage, 'id' | 'tenantId'>;

function receipts(
  { id, tenantId }: ReportedDelivery,
  region: string,
  reported: readonly { readonly address: string; readonly status: DeliveryStatus }[],
): Receipt[] {
  return toReceipts({ id, tenantId, region }, reported);
}

/** Call only after all receipts of a mail are published: until then it is retried and would count again. */
export function countSuppressed(receipts: readonly Receipt[], metrics: Metrics): void {
  for (const { kind, reason = OTHER_VALUE, recipients } of receipts) {
    if (kind === 'suppressed') metrics.add('Suppressed', recipients.length, reason);
  }
}

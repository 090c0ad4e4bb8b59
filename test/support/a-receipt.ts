import type { StatusKind } from '../../lib/domain/delivery-status.ts';
import { type Receipt, toSmtpMessageId } from '../../lib/domain/receipt.ts';

/** A receipt of a mail that SES accepted; `seconds` after the first of them. */
export function aReceipt(
  id: string,
  kind: StatusKind,
  recipients: readonly string[],
  { seconds = 0, ...fields }: Partial<Receipt> & { readonly seconds?: number } = {},
): Receipt {
  return {
    version: 1,
    id,
    tenantId: 'tenant-1',
    kind,
    at: new Date(Date.UTC(2026, 10, 22, 10, 0, seconds)).toISOString(),
    sesMessageId: 'ses-1',
    messageId: toSmtpMessageId('ses-1', 'eu-west-1'),
    recipients: recipients.map((address) => ({ address })),
    ...fields,
  };
}

/** A hard bounce of each recipient. */
export function aBounce(id: string, recipients: readonly string[], seconds = 0): Receipt {
  return aReceipt(id, 'bounced', [], {
    seconds,
    bounce: { type: 'Permanent', subType: 'General' },
    recipients: recipients.map((address) => ({
      address,
      smtpResponse: `550 5.1.1 <${address}>:\r\n no such user`,
      enhancedStatus: '5.1.1',
    })),
  });
}

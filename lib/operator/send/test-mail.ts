import { MailComposer } from '../../adapters/mime/compose-mail.ts';
import { freezeDelivery } from '../../mailer/freeze-delivery.ts';
import type { Delivery } from '../../message/delivery.ts';
import { OperatorError } from '../operator-error.ts';
import type { SendWay } from './send-result.ts';

export interface TestMail {
  readonly id: string;
  readonly by: SendWay;
  readonly from: string;
  readonly to: string;
}

/** Nobody wants a test of yesterday. */
const TIME_TO_LIVE_MS = 60 * 60 * 1000;

/**
 * A mail that says what it is, composed and frozen as the API's own are.
 *
 * @throws {@link OperatorError} where the pipeline would refuse it
 */
export async function composeTestMail({ id, by, from, to }: TestMail, now: Date): Promise<Delivery> {
  const frozen = await new MailComposer('content-only').compose({
    from: { name: 'mailctl', address: from },
    to,
    subject: `Test mail by ${by}`,
    text: `This is a test of the mail pipeline by its operator. It went out by ${by}, as delivery ${id}.\n`,
    // No out-of-office note shall answer it: RFC 3834, 5.
    headers: { 'Auto-Submitted': 'auto-generated' },
  });
  const expiresAt = new Date(now.getTime() + TIME_TO_LIVE_MS);
  const result = freezeDelivery(frozen, { id, expiresAt }, now);
  if (result.kind === 'delivery') return result.delivery;
  throw new OperatorError('MAIL_REFUSED', result.detail, 'choose another --from or --to');
}

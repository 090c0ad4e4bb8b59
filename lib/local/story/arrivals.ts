import { withAsciiDomain } from '../../message/address.ts';
import type { Delivery } from '../../message/delivery.ts';
import { deliveryIdTag } from '../../message/delivery-tags.ts';
import { headerValues } from '../../message/header-section.ts';
import type { LocalPipeline } from '../local-pipeline.ts';
import type { SesMail } from '../ses/mail.ts';
import type { ReceivedMail } from '../smtp/received-mail.ts';

/** The bytes of one mail at one of the two exits. */
export interface Arrival {
  readonly route: 'smtp' | 'ses';
  readonly recipients: readonly string[];
  /** As the exit was given them. */
  readonly raw: Buffer;
  /** As SES sends them on, with a Message-ID and a Date of its own. */
  readonly delivered?: Buffer;
  readonly sesMessageId?: string;
}

/** Where a delivery has come out so far. */
export function arrivalsOf(delivery: Delivery, { smtp, services: { ses } }: LocalPipeline): Arrival[] {
  const bySmtp = smtp.mails.filter((mail) => isOf(delivery, mail));
  const bySes = ses.mails.filter((mail) => isResent(delivery, mail));
  return [
    // The SMTP double shows domains in Unicode; what was on the wire was their ASCII form.
    ...bySmtp.map(({ to, raw }): Arrival => ({ route: 'smtp', recipients: to.map(withAsciiDomain), raw })),
    ...bySes.map(
      ({ recipients, raw, delivered, sesMessageId }): Arrival => ({
        route: 'ses',
        recipients,
        raw,
        delivered,
        sesMessageId,
      }),
    ),
  ];
}

function isOf(delivery: Delivery, { raw }: ReceivedMail): boolean {
  return headerValues(raw, 'message-id')[0] === delivery.messageId;
}

function isResent(delivery: Delivery, { tags }: SesMail): boolean {
  return tags.deliveryId === deliveryIdTag(delivery.id);
}

/** What became of a mail, as far as its bytes tell. */
export type Verdict = 'arrived' | 'not sent' | 'bytes differ' | 'recipients missing' | 'sent twice';

/** Every recipient has the mail once, and has the bytes that were frozen. */
export function verdictOn(delivery: Delivery, arrivals: readonly Arrival[]): Verdict {
  if (arrivals.length === 0) return 'not sent';
  const reached = arrivals.flatMap(({ recipients }) => recipients);
  if (delivery.to.some((recipient) => !reached.includes(recipient))) return 'recipients missing';
  if (new Set(reached).size < reached.length) return 'sent twice';
  return arrivals.every(({ raw }) => raw.equals(delivery.mime)) ? 'arrived' : 'bytes differ';
}

import type { RawMail } from '../../ports/raw-mail-sender.ts';

/** The tag by which events of SES are traced back to the delivery. */
const DELIVERY_ID_TAG = 'deliveryId';

const ENCODED = 'b64_';

/**
 * A tag's value has letters, digits, `_` and `-`; an id with anything else is written in base64url behind a
 * prefix that a plain id cannot be mistaken for.
 */
export function deliveryIdTag(deliveryId: string): string {
  const plain = /^[A-Za-z0-9_-]+$/.test(deliveryId) && !deliveryId.startsWith(ENCODED);
  return plain ? deliveryId : `${ENCODED}${Buffer.from(deliveryId).toString('base64url')}`;
}

/** The mail's own tags and the delivery id, in the form of both API versions. */
export function sesTags(mail: RawMail): { Name: string; Value: string }[] {
  return Object.entries({ ...mail.tags, [DELIVERY_ID_TAG]: deliveryIdTag(mail.deliveryId) }).map(
    ([Name, Value]) => ({ Name, Value }),
  );
}

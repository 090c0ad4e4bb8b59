import { DELIVERY_TAGS, deliveryIdTag } from '../../message/delivery-tags.ts';
import type { RawMail } from '../../ports/raw-mail-sender.ts';

/** The mail's own tags and ours, in the form of both API versions. Ours win: events are traced back by them. */
export function sesTags({ deliveryId, part, tags }: RawMail): { Name: string; Value: string }[] {
  const own = { [DELIVERY_TAGS.deliveryId]: deliveryIdTag(deliveryId), [DELIVERY_TAGS.part]: String(part) };
  return Object.entries({ ...tags, ...own }).map(([Name, Value]) => ({ Name, Value }));
}

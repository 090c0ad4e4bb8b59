import { DELIVERY_TAGS, deliveryIdTag, failedAtTag } from '../../message/delivery-tags.ts';
import type { RawMail } from '../../ports/raw-mail-sender.ts';

/** The mail's own tags and ours, in the form of both API versions. Ours win: events are traced back by them. */
export function sesTags({ deliveryId, part, failedAt, tags }: RawMail): { Name: string; Value: string }[] {
  const { [DELIVERY_TAGS.failedAt]: _reserved, ...others } = tags;
  const own = {
    [DELIVERY_TAGS.deliveryId]: deliveryIdTag(deliveryId),
    [DELIVERY_TAGS.part]: String(part),
    ...(failedAt === undefined ? {} : { [DELIVERY_TAGS.failedAt]: failedAtTag(failedAt) }),
  };
  return Object.entries({ ...others, ...own }).map(([Name, Value]) => ({ Name, Value }));
}

/**
 * The message tags that link an SES event to its send batch and to the time from which the mail's duration is
 * measured. They overwrite a caller's tags of the same names.
 */
export const DELIVERY_TAGS = { deliveryId: 'deliveryId', part: 'part', failedAt: 'failedAt' } as const;

const ENCODED = 'b64_';

/**
 * A tag value allows letters, digits, `_` and `-`; an id with other characters is base64url behind a prefix
 * that no plain id starts with.
 */
export function toDeliveryIdTag(deliveryId: string): string {
  const plain = /^[A-Za-z0-9_-]+$/.test(deliveryId) && !deliveryId.startsWith(ENCODED);
  return plain ? deliveryId : `${ENCODED}${Buffer.from(deliveryId).toString('base64url')}`;
}

/** The id in a tag; undefined if `toDeliveryIdTag` cannot have written it. */
export function parseDeliveryIdTag(tag: string): string | undefined {
  const id = tag.startsWith(ENCODED) ? Buffer.from(tag.slice(ENCODED.length), 'base64url').toString() : tag;
  return toDeliveryIdTag(id) === tag ? id : undefined;
}

/** Milliseconds since 1970. */
export function toFailedAtTag(failedAt: Date): string {
  return String(failedAt.getTime());
}

/** The time in a tag; undefined if `toFailedAtTag` cannot have written it since 1970. */
export function parseFailedAtTag(tag: string): Date | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(tag) ? new Date(Number(tag)) : undefined;
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Delivery } from './delivery.ts';
import { fieldValue, type HeaderField } from './mime-headers.ts';

/**
 * The header field by which a mail that comes back from the mail server is known: the mailer writes it in front of the
 * message that SMTP gets, and the relay behind the mail server reads it. It is signed together with the hash of the
 * message, so that a client can neither choose an id nor use one that it has seen for another mail. It does not go to SES.
 */
export const STAMP_HEADER = 'X-Mail-Pipeline-Delivery';

const VERSION = 'v1';

/**
 * What the mailer says of a mail. Urgency is said only here: any client can write `Importance: high`, and newsletters do,
 * but what the urgent queue keeps free is for the mails that our own programs chose.
 */
export type DeliveryStamp = Pick<Delivery, 'id' | 'expiresAt' | 'priority'>;

/**
 * The header field, folded, with its line end. The keys are alternatives; the first one signs.
 *
 * @param mime the message that follows the field
 */
export function stampField(
  { id, expiresAt, priority = 'normal' }: DeliveryStamp,
  mime: Buffer,
  [key]: readonly string[],
): string {
  if (key === undefined) throw new TypeError('a stamp needs a key');
  const words = [
    VERSION,
    Buffer.from(id, 'latin1').toString('base64url'),
    String(expiresAt.getTime()),
    priority,
    sha256(mime),
  ];
  return `${STAMP_HEADER}: ${[...words, signatureOf(words, key)].join('\r\n ')}\r\n`;
}

/**
 * Reads the field, if it was written with one of the keys for exactly this message.
 *
 * @param mime what follows the field
 */
export function readStamp(
  field: HeaderField,
  mime: Buffer,
  keys: readonly string[],
): DeliveryStamp | undefined {
  const [version, id = '', expires = '', priority = '', hash, signature = '', ...rest] =
    fieldValue(field).split(/\s+/);
  if (version !== VERSION || rest.length > 0 || hash !== sha256(mime)) return undefined;
  const words = [version, id, expires, priority, hash];
  if (!keys.some((key) => isEqual(signatureOf(words, key), signature))) return undefined;
  return {
    id: Buffer.from(id, 'base64url').toString('latin1'),
    expiresAt: new Date(Number(expires)),
    ...(priority === 'urgent' ? { priority } : {}),
  };
}

function signatureOf(words: readonly string[], key: string): string {
  return createHmac('sha256', key).update(words.join(' ')).digest('base64url');
}

function sha256(mime: Buffer): string {
  return createHash('sha256').update(mime).digest('base64url');
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

import { createHash } from 'node:crypto';
import type { Envelope } from '../../lib/message/envelope.ts';

/**
 * By what two mails of one id are told apart: SHA-256 in hexadecimal digits, of the MIME message. A mail in parts is
 * known by its parts, since a later version of the composer may make another message of them.
 */
export function contentHash({ content }: Envelope, mime: Buffer): string {
  // The schema has put the fields into one order, whatever order they came in.
  const identity = content.type === 'mail' ? JSON.stringify(content) : mime;
  return createHash('sha256').update(identity).digest('hex');
}

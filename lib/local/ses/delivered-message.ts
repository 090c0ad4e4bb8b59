import { type HeaderField, isNamed, type MessageHeader, readMessageHeader } from './message-header.ts';

/**
 * Fields that SES takes out. The ARN ones are documented to be removed. That Bcc is removed is reported by users
 * of SendRawEmail and expected by mail libraries, but AWS does not write it down.
 */
const REMOVED = ['Bcc', 'X-SES-SOURCE-ARN', 'X-SES-FROM-ARN', 'X-SES-RETURN-PATH-ARN'];

/** What SES puts in place of the sender's own fields. */
export interface DeliveryStamp {
  readonly sesMessageId: string;
  readonly at: Date;
  readonly region: string;
}

/**
 * The message as recipients get it. SES writes its own Message-ID and Date: in the place of the sender's, or at
 * the end of the header when there were none. All other bytes stay. The signature and the Feedback-ID that SES
 * adds on top are left out.
 */
export function deliveredMessage(raw: Buffer, stamp: DeliveryStamp): Buffer {
  const header = readMessageHeader(raw);
  const stamps = new Map([
    ['message-id', `Message-ID: <${stamp.sesMessageId}@${messageIdDomain(stamp.region)}>`],
    ['date', `Date: ${rfc5322Date(stamp.at)}`],
  ]);
  const kept = header.fields.flatMap((field) => rewritten(raw, field, header, stamps));
  const missing = [...stamps.values()].map((line) => Buffer.from(line + header.lineEnd));
  return Buffer.concat([...kept, ...missing, raw.subarray(header.end)]);
}

function rewritten(
  raw: Buffer,
  field: HeaderField,
  header: MessageHeader,
  stamps: Map<string, string>,
): Buffer[] {
  if (REMOVED.some((name) => isNamed(field, name))) return [];
  const name = field.name.toLowerCase();
  const line = stamps.get(name);
  if (line === undefined) return [raw.subarray(field.start, field.end)];
  stamps.delete(name);
  return [Buffer.from(line + header.lineEnd)];
}

/** us-east-1 was the first region, and its message ids carry no region. */
function messageIdDomain(region: string): string {
  return region === 'us-east-1' ? 'email.amazonses.com' : `${region}.amazonses.com`;
}

function rfc5322Date(at: Date): string {
  return at.toUTCString().replace('GMT', '+0000');
}

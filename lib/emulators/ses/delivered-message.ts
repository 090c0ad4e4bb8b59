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

/** One header field: its name, and where its bytes (line end included) stand in the message. */
interface HeaderField {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** The header section of a message. Everything from `end` on is the blank line and the body. */
export interface MessageHeader {
  readonly fields: readonly HeaderField[];
  readonly end: number;
  /** The line end that the header is written with. */
  readonly lineEnd: '\r\n' | '\n';
}

const LF = 0x0a;
const CR = 0x0d;

/** Finds the header fields of a message without touching, or copying, the body. */
export function readMessageHeader(raw: Buffer): MessageHeader {
  const fields: HeaderField[] = [];
  let position = 0;
  while (position < raw.length && !isBlankLine(raw, position)) {
    const end = endOfField(raw, position);
    fields.push(fieldBetween(raw, position, end));
    position = end;
  }
  const firstLineFeed = raw.indexOf(LF);
  const lineEnd = firstLineFeed > 0 && raw[firstLineFeed - 1] !== CR ? '\n' : '\r\n';
  return { fields, end: position, lineEnd };
}

/** The value of the first field of that name, unfolded. */
export function headerValue(header: MessageHeader, name: string): string | undefined {
  return headerValues(header, name)[0];
}

/** The values of all fields of that name, unfolded. */
export function headerValues(header: MessageHeader, name: string): string[] {
  return header.fields.filter((field) => isNamed(field, name)).map((field) => field.value);
}

/** Whether the field has that name, in any case. */
function isNamed(field: HeaderField, name: string): boolean {
  return field.name.toLowerCase() === name.toLowerCase();
}

function isBlankLine(raw: Buffer, position: number): boolean {
  return raw[position] === LF || (raw[position] === CR && raw[position + 1] === LF);
}

function endOfField(raw: Buffer, start: number): number {
  let end = endOfLine(raw, start);
  while (end < raw.length && isFolded(raw, end)) end = endOfLine(raw, end);
  return end;
}

function endOfLine(raw: Buffer, start: number): number {
  const lineFeed = raw.indexOf(LF, start);
  return lineFeed < 0 ? raw.length : lineFeed + 1;
}

function isFolded(raw: Buffer, position: number): boolean {
  return raw[position] === 0x20 || raw[position] === 0x09;
}

function fieldBetween(raw: Buffer, start: number, end: number): HeaderField {
  const text = raw.toString('utf8', start, end);
  const colon = text.indexOf(':');
  const name = colon < 0 ? '' : text.slice(0, colon).trim();
  const value = text
    .slice(colon + 1)
    .replace(/\r?\n/g, '')
    .trim();
  return { name, value, start, end };
}

/**
 * Header fields that SES removes. For the ARN ones this is documented. For Bcc it is reported by users of
 * SendRawEmail and expected by mail libraries, but not documented by AWS.
 */
const REMOVED = ['Bcc', 'X-SES-SOURCE-ARN', 'X-SES-FROM-ARN', 'X-SES-RETURN-PATH-ARN'];

/** Values that replace the sender's header fields. */
export interface DeliveryStamp {
  readonly sesMessageId: string;
  readonly at: Date;
  readonly region: string;
}

/**
 * The message as recipients receive it. SES writes its own Message-ID and Date: in place of the sender's, or
 * at the end of the header if there are none. All other bytes are unchanged. The signature and Feedback-ID
 * that SES adds at the top are not emulated.
 */
export function deliveredMessage(raw: Buffer, stamp: DeliveryStamp): Buffer {
  const header = readMessageHeader(raw);
  const stamps = new Map([
    ['message-id', `Message-ID: <${stamp.sesMessageId}@${messageIdDomain(stamp.region)}>`],
    ['date', `Date: ${rfc5322Date(stamp.at)}`],
  ]);
  const kept = header.fields.flatMap((field) => rewriteField(raw, field, header, stamps));
  const missing = [...stamps.values()].map((line) => Buffer.from(line + header.lineEnd));
  return Buffer.concat([...kept, ...missing, raw.subarray(header.end)]);
}

function rewriteField(
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

/** us-east-1 was the first region; its message ids contain no region. */
function messageIdDomain(region: string): string {
  return region === 'us-east-1' ? 'email.amazonses.com' : `${region}.amazonses.com`;
}

function rfc5322Date(at: Date): string {
  return at.toUTCString().replace('GMT', '+0000');
}

/** One header field: its name and value, and the position of its bytes (with line end) in the message. */
interface HeaderField {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** The header section of a message. The blank line and the body start at `end`. */
export interface MessageHeader {
  readonly fields: readonly HeaderField[];
  readonly end: number;
  /** The line end used in the header. */
  readonly lineEnd: '\r\n' | '\n';
}

const LF = 0x0a;
const CR = 0x0d;

/** Finds the header fields of a message without reading or copying the body. */
export function readMessageHeader(raw: Buffer): MessageHeader {
  const fields: HeaderField[] = [];
  let position = 0;
  while (position < raw.length && !isBlankLine(raw, position)) {
    const end = findFieldEnd(raw, position);
    fields.push(readField(raw, position, end));
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

/** Case-insensitive. */
function isNamed(field: HeaderField, name: string): boolean {
  return field.name.toLowerCase() === name.toLowerCase();
}

function isBlankLine(raw: Buffer, position: number): boolean {
  return raw[position] === LF || (raw[position] === CR && raw[position + 1] === LF);
}

function findFieldEnd(raw: Buffer, start: number): number {
  let end = findLineEnd(raw, start);
  while (end < raw.length && isFolded(raw, end)) end = findLineEnd(raw, end);
  return end;
}

function findLineEnd(raw: Buffer, start: number): number {
  const lineFeed = raw.indexOf(LF, start);
  return lineFeed < 0 ? raw.length : lineFeed + 1;
}

function isFolded(raw: Buffer, position: number): boolean {
  return raw[position] === 0x20 || raw[position] === 0x09;
}

function readField(raw: Buffer, start: number, end: number): HeaderField {
  const text = raw.toString('utf8', start, end);
  const colon = text.indexOf(':');
  const name = colon < 0 ? '' : text.slice(0, colon).trim();
  const value = text
    .slice(colon + 1)
    .replace(/\r?\n/g, '')
    .trim();
  return { name, value, start, end };
}

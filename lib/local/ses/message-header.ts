/** One header field: its name, and where its bytes (line end included) stand in the message. */
export interface HeaderField {
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
export function isNamed(field: HeaderField, name: string): boolean {
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

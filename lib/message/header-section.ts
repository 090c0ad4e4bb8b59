import { MAX_HEADER_BYTES } from './limits.ts';

/**
 * The header section of a message (RFC 5322, 2.2), read from its bytes without parsing the body.
 * Bytes are looked at as latin1, one character each, so that offsets hold.
 */

const CRLF = '\r\n';

interface HeaderField {
  readonly name: string;
  /** The field as it stands, its folded lines included. */
  readonly lines: string;
}

function headerEnd(mime: Buffer): number {
  if (mime.subarray(0, 2).equals(Buffer.from(CRLF))) return 0;
  const blankLine = mime.indexOf(`${CRLF}${CRLF}`);
  return blankLine === -1 ? mime.length : blankLine + CRLF.length;
}

function headerFields(mime: Buffer): HeaderField[] {
  const section = mime.toString('latin1', 0, headerEnd(mime));
  return fieldsOf(section).map((lines) => ({
    name: lines.slice(0, lines.indexOf(':')).trim().toLowerCase(),
    lines,
  }));
}

/** A line that starts with white space continues the field before it. */
function fieldsOf(section: string): string[] {
  return section.split(/\r\n(?![ \t])/).filter((lines) => lines !== '');
}

export interface HeaderFlaw {
  readonly reason: 'not-crlf' | 'malformed-header';
  readonly detail: string;
}

/**
 * Says why the header section cannot be relied on, or nothing where it can. On what breaks these rules the programs
 * that read mail differ, so that one of them could see another From than we do. To be asked before anything else:
 * it looks at no more than the limit.
 */
export function headerFlaw(mime: Buffer): HeaderFlaw | undefined {
  const end = headerEnd(mime);
  const section = mime.toString('latin1', 0, Math.min(end, MAX_HEADER_BYTES));
  // A CR at the very end may have been cut off from its LF by the limit.
  if (/\r(?!\n|$)|(?<!\r)\n/.test(section)) {
    return { reason: 'not-crlf', detail: 'the header section has a line that does not end in CRLF' };
  }
  const detail = malformation(section, end);
  return detail === undefined ? undefined : { reason: 'malformed-header', detail };
}

function malformation(section: string, bytes: number): string | undefined {
  if (bytes > MAX_HEADER_BYTES) {
    return `the header section has ${bytes} bytes, at most ${MAX_HEADER_BYTES} are allowed`;
  }
  if (section.includes('\0')) return 'the header section has a NUL';
  const isOfFields = fieldsOf(section).every((lines) => /^[!-9;-~]+:/.test(lines));
  return isOfFields ? undefined : 'the header section has a line that is no field';
}

/** The unfolded values of every field of that name, in their order. */
export function headerValues(mime: Buffer, name: string): string[] {
  const wanted = name.toLowerCase();
  return headerFields(mime)
    .filter((field) => field.name === wanted)
    .map((field) => unfolded(field.lines.slice(field.lines.indexOf(':') + 1)));
}

/** Header text may be UTF-8 (RFC 6532); what was split into bytes is put together again. */
function unfolded(value: string): string {
  return Buffer.from(value.replaceAll(/\r\n(?=[ \t])/g, ''), 'latin1')
    .toString('utf8')
    .trim();
}

/** The same message without any field of that name; the same buffer where there is none. */
export function withoutHeader(mime: Buffer, name: string): Buffer {
  const wanted = name.toLowerCase();
  const fields = headerFields(mime);
  const kept = fields.filter((field) => field.name !== wanted);
  if (kept.length === fields.length) return mime;
  const section = kept.map((field) => `${field.lines}${CRLF}`).join('');
  return Buffer.concat([Buffer.from(section, 'latin1'), mime.subarray(headerEnd(mime))]);
}

/** The same message with one more field in front. */
export function withHeader(mime: Buffer, name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from(`${name}: ${value}${CRLF}`), mime]);
}

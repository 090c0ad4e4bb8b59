import { isBareAddress } from './address.ts';
import { MAX_HEADER_BYTES } from './limits.ts';

/**
 * The header section of a message (RFC 5322, 2.2), read from its bytes without parsing the body. Bytes are
 * decoded as latin1, one character each, so that offsets stay valid.
 */

const CRLF = '\r\n';

/** One header field. */
export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  /** The raw field, including folded lines. */
  readonly lines: string;
}

function headerEnd(mime: Buffer): number {
  if (mime.subarray(0, 2).equals(Buffer.from(CRLF))) return 0;
  const blankLine = mime.indexOf(`${CRLF}${CRLF}`);
  return blankLine === -1 ? mime.length : blankLine + CRLF.length;
}

/** Every check reads the fields; no one changes the bytes of a message. */
const known = new WeakMap<Buffer, readonly HeaderField[]>();

/** All fields, in order. */
export function headerFields(mime: Buffer): readonly HeaderField[] {
  const fields = known.get(mime) ?? parseFields(mime);
  known.set(mime, fields);
  return fields;
}

function parseFields(mime: Buffer): HeaderField[] {
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

/** The message with these fields in place of its own. */
export function withHeaderFields(mime: Buffer, fields: readonly HeaderField[]): Buffer {
  const section = fields.map(({ lines }) => `${lines}${CRLF}`).join('');
  return Buffer.concat([Buffer.from(section, 'latin1'), mime.subarray(headerEnd(mime))]);
}

export interface HeaderProblem {
  readonly reason: 'not-crlf' | 'malformed-header' | 'ses-control-header';
  readonly detail: string;
}

/**
 * Returns why the header section is unreliable, or undefined if it is reliable. Mail programs parse
 * violations of these rules differently, so that one of them could see a different From than we do. Call it
 * before anything else: it reads no more than the limit.
 */
export function validateHeaders(mime: Buffer): HeaderProblem | undefined {
  const end = headerEnd(mime);
  const section = mime.toString('latin1', 0, Math.min(end, MAX_HEADER_BYTES));
  // The limit may have separated a final CR from its LF.
  if (/\r(?!\n|$)|(?<!\r)\n/.test(section)) {
    return { reason: 'not-crlf', detail: 'the header section has a line that does not end in CRLF' };
  }
  const detail = malformation(section, end);
  if (detail !== undefined) return { reason: 'malformed-header', detail };
  const control = fieldsOf(section).find((lines) => SES_CONTROL_HEADER.test(lines));
  if (control === undefined) return undefined;
  const name = control.slice(0, control.indexOf(':'));
  return { reason: 'ses-control-header', detail: `the header ${name} would be a command to SES` };
}

/**
 * SES obeys and removes these headers: another configuration set (whose events would not arrive here), other
 * tags, a tenant, the ARNs of sending identities, list management.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/event-publishing-send-email.html
 * @see https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-delegate-sender-tasks-email.html
 */
const SES_CONTROL_HEADER = /^x-ses-/i;

function malformation(section: string, bytes: number): string | undefined {
  if (bytes > MAX_HEADER_BYTES) {
    return `the header section has ${bytes} bytes, at most ${MAX_HEADER_BYTES} are allowed`;
  }
  if (section.includes('\0')) return 'the header section has a NUL';
  const isOfFields = fieldsOf(section).every((lines) => /^[!-9;-~]+:/.test(lines));
  return isOfFields ? undefined : 'the header section has a line that is no field';
}

/** The unfolded values of all fields of that name, in order. */
export function headerValues(mime: Buffer, name: string): string[] {
  const wanted = name.toLowerCase();
  return headerFields(mime)
    .filter((field) => field.name === wanted)
    .map(fieldValue);
}

/** The unfolded value of a field. */
export function fieldValue({ lines }: HeaderField): string {
  return unfolded(lines.slice(lines.indexOf(':') + 1));
}

/** Header text may be UTF-8 (RFC 6532); decode the latin1 bytes again. */
function unfolded(value: string): string {
  if (/^[\t -~]*$/.test(value)) return value.trim();
  return Buffer.from(value.replaceAll(/\r\n(?=[ \t])/g, ''), 'latin1')
    .toString('utf8')
    .trim();
}

/**
 * The message with the domains in its From in lower case; the same buffer if they already are. IAM compares
 * the From with the permitted domain case-sensitively.
 */
export function withLowerCaseFrom(mime: Buffer): Buffer {
  const from = headerValues(mime, 'from').flatMap((value) => parseMailboxList(value) ?? []);
  const capital = from.filter(hasCapitalDomain);
  if (capital.length === 0) return mime;
  const fields = headerFields(mime).map(({ name, lines }) => ({
    name,
    lines: name === 'from' ? lowerCaseDomains(lines, capital) : lines,
  }));
  return withHeaderFields(mime, fields);
}

/** True if the domain of the address is not written in lower case. */
export function hasCapitalDomain(address: string): boolean {
  return lowerCaseDomain(address) !== address;
}

function lowerCaseDomain(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at) + address.slice(at).toLowerCase();
}

/** @param lines a field as its bytes, latin1 */
function lowerCaseDomains(lines: string, addresses: readonly string[]): string {
  return addresses.reduce((changed, address) => {
    const bytes = Buffer.from(address).toString('latin1');
    return changed.replaceAll(bytes, lowerCaseDomain(bytes));
  }, lines);
}

/** The same message with one more field in front. */
export function withHeader(mime: Buffer, name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from(`${name}: ${value}${CRLF}`), mime]);
}

/** Tokens of an address list (RFC 5322, 3.2); excludes comments, group colons and stray backslashes. */
const TOKEN = /(?<space>[ \t]+)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<atom>[^ \t"(),:;<>@[\]\\]+)|[<>,@]/uy;

/** One letter per token: `a` an atom, `q` a quoted string, a blank for white space, specials as they are. */
const NAMED = /^ ?(?:[aq] ?)*<([aq]@a)> ?$/;
const BARE = /^ ?([aq]@a) ?$/;

/** RFC 2047 forbids encoded words in addresses; some mail programs decode them there anyway. */
const ENCODED_WORD = '=?';

/** More than any real author list needs, and small enough to tokenize. */
const MAX_LIST_CHARACTERS = 16 * 1024;

interface Token {
  readonly kind: string;
  readonly text: string;
}

/**
 * The addresses of an unambiguous From or Sender field: each mailbox bare or after a name, and nothing that
 * programs parse differently. Undefined if ambiguous.
 *
 * @param value the unfolded value of the field
 */
export function parseMailboxList(value: string): string[] | undefined {
  const tokens = value.length > MAX_LIST_CHARACTERS ? undefined : tokensOf(value);
  if (tokens === undefined) return undefined;
  const addresses: string[] = [];
  for (const mailbox of splitAtCommas(tokens)) {
    const address = addressOf(mailbox);
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return addresses;
}

function tokensOf(value: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < value.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(value);
    if (match === null) return undefined;
    const [text] = match;
    tokens.push({ kind: kindOf(match), text });
  }
  return tokens;
}

function kindOf({ 0: text, groups }: RegExpExecArray): string {
  if (groups?.space !== undefined) return ' ';
  if (groups?.quoted !== undefined) return 'q';
  return groups?.atom === undefined ? text : 'a';
}

function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === ',') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

function addressOf(mailbox: readonly Token[]): string | undefined {
  const shape = mailbox.map(({ kind }) => kind).join('');
  if (!NAMED.test(shape) && !BARE.test(shape)) return undefined;
  const at = shape.indexOf('@');
  const address = mailbox
    .slice(at - 1, at + 2)
    .map(({ text }) => text)
    .join('');
  const isPlain = isBareAddress(address) && address.split('@').length === 2;
  return isPlain && !address.includes(ENCODED_WORD) ? address : undefined;
}

const ANY_ENCODED_WORD = /=\?([\w-]{1,40})(?:\*[\w-]*)?\?([BQbq])\?([^?\s]*)\?=/g;

/** Decodes a header's encoded words (RFC 2047); words of an unknown charset stay as they are. */
export function decodeEncodedWords(value: string): string {
  return value
    .replaceAll(/(\?=)[ \t]+(?==\?)/g, '$1')
    .replaceAll(ANY_ENCODED_WORD, (word, charset: string, encoding: string, text: string) => {
      const bytes = encoding.toUpperCase() === 'B' ? Buffer.from(text, 'base64') : quotedBytes(text);
      try {
        return new TextDecoder(charset).decode(bytes);
      } catch {
        return word;
      }
    });
}

function quotedBytes(text: string): Buffer {
  const bytes = text
    .replaceAll('_', ' ')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

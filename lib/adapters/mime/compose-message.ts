import { randomUUID } from 'node:crypto';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type MimeNode from 'nodemailer/lib/mime-node';
import type { MimeNodeEnvelope, MimeNodeHeaderValue } from 'nodemailer/lib/mime-node';
import { distinctRecipients, parseDomain } from '../../domain/address.ts';
import { quoteDisplayNames } from '../../domain/display-names.ts';
import {
  correctHeaders,
  findLongLine,
  findUnsendable,
  type UnsendableMail,
} from '../../domain/header-corrections.ts';
import { MAX_COMPOSED_PARTS, MAX_CONTENT_BYTES, MAX_HEADER_BYTES } from '../../domain/limits.ts';
import {
  type HeaderProblem,
  headerValues,
  validateHeaders,
  withHeader,
  withLowerCaseFrom,
} from '../../domain/mime-headers.ts';
import { writeAtOnce } from './write-at-once.ts';

/** A composed mail whose bytes no longer change, whichever route sends it. */
export interface ComposedMessage {
  readonly mime: Buffer;
  readonly messageId: string;
  /** Empty if the mail has no sender. */
  readonly from: string;
  readonly to: readonly string[];
}

export type MimeResult =
  | { readonly kind: 'composed'; readonly message: ComposedMessage }
  | { readonly kind: 'too-large'; readonly bytes: number }
  /** It has too many parts, programs would parse its header section differently, or SES would obey it or refuse it. */
  | {
      readonly kind: 'malformed';
      readonly reason: HeaderProblem['reason'] | UnsendableMail['reason'] | 'not-composable';
      readonly detail: string;
    };

interface ComposeOptions {
  readonly isPlain?: boolean;
  readonly envelope?: MimeNodeEnvelope;
}

/**
 * Reads the bytes of a compiled message once. Converts line ends to CRLF as RFC 5321 requires (2.3.8), so
 * that SMTP changes nothing; nodemailer ends the last line. Corrects in the header section what SES would
 * refuse, removes the Bcc header of a ready-made message, lower-cases the domain of its From and adds a missing
 * Message-ID.
 *
 * @param options.isPlain see `isPlainMail`
 * @param options.envelope of a mail whose addresses were parsed before; their names need no quotes
 * @throws errors of its attachment streams
 */
export async function composeMessage(
  node: MimeNode,
  { isPlain = false, envelope: parsed }: ComposeOptions = {},
): Promise<MimeResult> {
  const parts = countParts(node);
  if (parts > MAX_COMPOSED_PARTS) {
    const detail = `the message has ${parts} parts (texts and attachments), at most ${MAX_COMPOSED_PARTS} can be sent`;
    return { kind: 'malformed', reason: 'not-composable', detail };
  }
  if (parsed === undefined) quoteNames(node);
  const written = isPlain ? writeAtOnce(node) : undefined;
  if (written === undefined) node.transform(() => new HeaderCorrector());
  const { bytes, mime } =
    written === undefined
      ? await collect(node.createReadStream(), MAX_CONTENT_BYTES)
      : { bytes: written.length, mime: written };
  if (mime === undefined) return { kind: 'too-large', bytes };
  const envelope = parsed ?? node.getEnvelope();
  return finishMessage(mime, { envelope, messageId: node.messageId(), isStreamed: written === undefined });
}

interface WrittenMessage {
  readonly envelope: MimeNodeEnvelope;
  /** For a message without one. */
  readonly messageId: string;
  /** Its From was corrected before nodemailer signed it. */
  readonly isStreamed?: boolean;
}

/** Checks and corrects the bytes of a message, as {@link composeMessage} says. */
function finishMessage(
  mime: Buffer,
  { envelope, messageId, isStreamed = false }: WrittenMessage,
): MimeResult {
  const normalized = withCrlf(mime);
  const problem = validateHeaders(normalized);
  if (problem !== undefined) return { kind: 'malformed', ...problem };
  // For a streamed message once more: nodemailer has signed it since then, perhaps more than once.
  const corrected = correctHeaders(normalized);
  const from = envelope.from === false ? '' : envelope.from;
  const composed = withMessageId(isStreamed ? corrected : withLowerCaseFrom(corrected), messageId, from);
  if (composed.length > MAX_CONTENT_BYTES) return { kind: 'too-large', bytes: composed.length };
  const unsendable = findUnsendable(composed);
  if (unsendable !== undefined) return { kind: 'malformed', ...unsendable };
  return toResult(composed, envelope, headerValues(composed, 'message-id')[0] ?? '');
}

/** The same for a plain mail, whose header section was written of fields that need no correction: only its body is checked. */
export function finishPlainMessage(
  written: Buffer,
  { envelope, messageId }: Pick<WrittenMessage, 'envelope' | 'messageId'>,
): MimeResult {
  const mime = withCrlf(written);
  if (mime.length > MAX_CONTENT_BYTES) return { kind: 'too-large', bytes: mime.length };
  const detail = findLongLine(mime);
  if (detail !== undefined) return { kind: 'malformed', reason: 'not-composable', detail };
  return toResult(mime, envelope, messageId);
}

function toResult(mime: Buffer, { from, to }: MimeNodeEnvelope, messageId: string): MimeResult {
  const [sender = ''] = from === false || from === '' ? [] : distinctRecipients([from]);
  return { kind: 'composed', message: { mime, messageId, from: sender, to: distinctRecipients(to) } };
}

/** A ready-made message, whose bytes are only copied, counts as one. */
function countParts({ childNodes }: MimeNode): number {
  return childNodes.length === 0 ? 1 : childNodes.reduce((sum, child) => sum + countParts(child), 0);
}

/** Before nodemailer parses them: afterwards a name with a colon has become a group. */
function quoteNames(node: MimeNode): void {
  for (const name of ['From', 'Sender', 'To', 'Cc', 'Bcc', 'Reply-To']) {
    const value = node.getHeader(name);
    const quoted = withQuotedNames(value);
    if (quoted !== value) node.setHeader(name, quoted);
  }
}

/** The same value if nothing in it was to be quoted. */
function withQuotedNames(value: MimeNodeHeaderValue): MimeNodeHeaderValue {
  if (typeof value === 'string') return quoteDisplayNames(value);
  if (!Array.isArray(value)) return value;
  const quoted = value.map(withQuotedNames);
  return quoted.some((one, index) => one !== value[index]) ? quoted : value;
}

/** Corrects the header section before nodemailer signs it, and passes the body on. */
class HeaderCorrector extends Transform {
  #head: Buffer | undefined = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, this.#head === undefined ? chunk : this.#readHead(Buffer.concat([this.#head, chunk])));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#head === undefined ? undefined : this.#corrected(this.#head));
  }

  /** Nothing until the section has come as a whole; a CR at the end may be half a line end. */
  #readHead(head: Buffer): Buffer | undefined {
    const end = sectionEnd(head) ?? head.length;
    if (end < head.length || head.length > MAX_HEADER_BYTES) return this.#corrected(head);
    this.#head = head;
    return undefined;
  }

  #corrected(head: Buffer): Buffer {
    this.#head = undefined;
    const end = sectionEnd(head) ?? head.length;
    const section = withCrlf(head.subarray(0, end));
    if (validateHeaders(section) !== undefined) return head;
    return Buffer.concat([withLowerCaseFrom(correctHeaders(section)), head.subarray(end)]);
  }
}

/** Where the empty line after the header section ends, in lines of any kind. */
function sectionEnd(mime: Buffer): number | undefined {
  const text = mime.toString('latin1');
  const blank = /^(?:\r\n|\r|\n)|(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r(?!\n)|\n)/.exec(text);
  return blank === null ? undefined : blank.index + blank[0].length;
}

interface Collected {
  readonly bytes: number;
  readonly mime: Buffer | undefined;
}

/** Keeps counting past the limit to report the true size, but discards the data. */
function collect(stream: Readable, limit: number): Promise<Collected> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limit) chunks = [];
      else chunks.push(chunk);
    });
    stream.once('error', reject);
    stream.once('end', () => resolve({ bytes, mime: bytes > limit ? undefined : Buffer.concat(chunks) }));
  });
}

function withCrlf(mime: Buffer): Buffer {
  return hasBareLineEnd(mime)
    ? Buffer.from(mime.toString('latin1').replaceAll(/\r\n|\r|\n/g, '\r\n'), 'latin1')
    : mime;
}

const WINDOW_BYTES = 1024 * 1024;

/** In windows: as one string, a large message would take its size in memory once more. */
function hasBareLineEnd(mime: Buffer): boolean {
  let start = 0;
  while (start < mime.length) {
    let end = Math.min(start + WINDOW_BYTES, mime.length);
    // A window does not end between CR and LF.
    if (mime[end - 1] === CR && end < mime.length) end += 1;
    if (/\r(?!\n)|(?<!\r)\n/.test(mime.toString('latin1', start, end))) return true;
    start = end;
  }
  return false;
}

const CR = 0x0d;

function withMessageId(mime: Buffer, given: string, from: string): Buffer {
  if (headerValues(mime, 'message-id').length > 0) return mime;
  const domain = parseDomain(from) || 'localhost';
  return withHeader(mime, 'Message-ID', isEmptyId(given) ? `<${randomUUID()}@${domain}>` : given);
}

function isEmptyId(messageId: string): boolean {
  return !/[^\s<>]/.test(messageId);
}

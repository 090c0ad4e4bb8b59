import type { Readable } from 'node:stream';
import type MimeNode from 'nodemailer/lib/mime-node';
import { distinctRecipients } from '../../domain/address.ts';
import { MAX_COMPOSED_PARTS, MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import {
  type HeaderProblem,
  headerValues,
  validateHeaders,
  withHeader,
  withLowerCaseFrom,
  withoutHeader,
} from '../../domain/mime-headers.ts';

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
  /** It has too many parts, programs would parse its header section differently, or SES would obey it. */
  | {
      readonly kind: 'malformed';
      readonly reason: HeaderProblem['reason'] | 'not-composable';
      readonly detail: string;
    };

/**
 * Reads the bytes of a compiled message once. Converts line ends to CRLF as RFC 5321 requires (2.3.8), so
 * that SMTP changes nothing; nodemailer ends the last line. Removes the Bcc header of a ready-made message,
 * lower-cases the domain of its From and adds a missing Message-ID.
 *
 * @throws errors of its attachment streams
 */
export async function composeMessage(node: MimeNode): Promise<MimeResult> {
  const parts = countParts(node);
  if (parts > MAX_COMPOSED_PARTS) {
    const detail = `the message has ${parts} parts (texts and attachments), at most ${MAX_COMPOSED_PARTS} can be sent`;
    return { kind: 'malformed', reason: 'not-composable', detail };
  }
  const { bytes, mime } = await collect(node.createReadStream(), MAX_CONTENT_BYTES);
  if (mime === undefined) return { kind: 'too-large', bytes };
  const normalized = withCrlf(mime);
  const problem = validateHeaders(normalized);
  if (problem !== undefined) return { kind: 'malformed', ...problem };
  const composed = withMessageId(withLowerCaseFrom(withoutHeader(normalized, 'bcc')), node);
  if (composed.length > MAX_CONTENT_BYTES) return { kind: 'too-large', bytes: composed.length };
  const envelope = node.getEnvelope();
  const message = {
    mime: composed,
    messageId: headerValues(composed, 'message-id')[0] ?? '',
    from: envelope.from === false ? '' : (distinctRecipients([envelope.from])[0] ?? ''),
    to: distinctRecipients(envelope.to),
  };
  return { kind: 'composed', message };
}

/** A ready-made message, whose bytes are only copied, counts as one. */
function countParts({ childNodes }: MimeNode): number {
  return childNodes.length === 0 ? 1 : childNodes.reduce((sum, child) => sum + countParts(child), 0);
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

function withMessageId(mime: Buffer, node: MimeNode): Buffer {
  return headerValues(mime, 'message-id').length > 0
    ? mime
    : withHeader(mime, 'Message-ID', node.messageId());
}

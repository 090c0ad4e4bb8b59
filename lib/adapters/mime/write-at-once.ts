import type { SendMailOptions } from 'nodemailer';
import type MimeNode from 'nodemailer/lib/mime-node';
import * as qp from 'nodemailer/lib/qp';

/** A larger mail is better encoded piece by piece; its streams cost little beside its bytes. */
const MAX_BYTES = 1024 * 1024;

/** nodemailer encodes a longer text in slices. */
export const MAX_QP_BYTES = 60 * 1024;

/** Whether nothing is fetched for a mail or done to its bytes: no files or streams, no signature, no ready-made parts. */
export function isPlainMail(mail: SendMailOptions): boolean {
  const { raw, dkim, newline, alternatives, amp, watchHtml, icalEvent, attachments = [] } = mail;
  const special = [raw, dkim, newline, alternatives, amp, watchHtml, icalEvent];
  return (
    special.every((field) => field === undefined) &&
    Array.isArray(attachments) &&
    attachments.every((part) => part.raw === undefined && part.path === undefined && part.href === undefined)
  );
}

/**
 * The bytes of a plain mail that nodemailer's `createReadStream` would bring, without its streams, which cost a short
 * mail several times as much as all else.
 *
 * @returns undefined if it has to be streamed
 */
export function writeAtOnce(root: MimeNode): Buffer | undefined {
  if (!canWrite(root) || contentBytes(root) > MAX_BYTES) return undefined;
  const mime = Buffer.concat(piecesOf(root));
  if (mime.at(-1) === LF) return mime;
  return Buffer.concat([mime, Buffer.from(mime.at(-1) === CR ? '\n' : '\r\n')]);
}

const CR = 0x0d;
const LF = 0x0a;

function canWrite(node: MimeNode): boolean {
  return hasPlainContent(node) && node.childNodes.every(canWrite);
}

function hasPlainContent(node: MimeNode): boolean {
  const { content = '' } = node;
  if (typeof content !== 'string' && !Buffer.isBuffer(content)) return false;
  if (node.getTransferEncoding() !== 'quoted-printable') return true;
  const isText = String(node.getHeader('Content-Type')).startsWith('text/');
  // A blank at the end is encoded apart, too.
  return isText && Buffer.byteLength(content) <= MAX_QP_BYTES && !/[ \t]$/.test(content.toString());
}

function contentBytes({ content, childNodes }: MimeNode): number {
  const own = typeof content === 'string' || Buffer.isBuffer(content) ? Buffer.byteLength(content) : 0;
  return childNodes.reduce((sum, child) => sum + contentBytes(child), own);
}

function piecesOf(node: MimeNode): Buffer[] {
  const encoding = node.getTransferEncoding();
  const head = Buffer.from(`${node.buildHeaders()}\r\n\r\n`);
  const { content = '', boundary, multipart } = node;
  const body =
    typeof content === 'string' || Buffer.isBuffer(content) ? encodeContent(content, encoding) : '';
  const pieces = [head, Buffer.from(body)];
  // Both are set when the headers are built.
  if (typeof multipart !== 'string') return pieces;
  const parts = node.childNodes.flatMap((child, index) => [
    Buffer.from(`${index > 0 ? '\r\n' : ''}--${boundary}\r\n`),
    ...piecesOf(child),
  ]);
  return [...pieces, ...parts, Buffer.from(`\r\n--${boundary}--\r\n`)];
}

/** The content of a part in its transfer encoding, as {@link writeAtOnce} and nodemailer's streams write it. */
export function encodeContent(content: string | Buffer, encoding: string | false): string | Buffer {
  if (encoding === 'base64') return inLines(Buffer.from(content).toString('base64'));
  return encoding === 'quoted-printable' ? qp.wrap(qp.encode(content)) : content;
}

/** RFC 2045, 6.8. */
const BASE64_LINE_CHARACTERS = 76;

/** The one of nodemailer's that is not a stream is slower than its stream. */
function inLines(base64: string): string {
  const lines: string[] = [];
  for (let start = 0; start < base64.length; start += BASE64_LINE_CHARACTERS) {
    lines.push(base64.slice(start, start + BASE64_LINE_CHARACTERS));
  }
  return lines.join('\r\n');
}

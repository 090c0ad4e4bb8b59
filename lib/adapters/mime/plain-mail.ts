import { types } from 'node:util';
import type { SendMailOptions } from 'nodemailer';
import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode, { type MimeNodeEnvelope } from 'nodemailer/lib/mime-node';
import { findAddressProblem } from '../../domain/address.ts';
import { MAX_LINE_CHARACTERS } from '../../domain/header-corrections.ts';
import { MAX_HEADER_BYTES } from '../../domain/limits.ts';
import { encodeContent, isPlainMail, MAX_QP_BYTES } from './write-at-once.ts';

/** Fields that are written into the message and nothing more; for others nodemailer does more with the mail. */
const WRITTEN_FIELDS = new Set([
  ...['from', 'to', 'cc', 'bcc', 'replyTo', 'subject', 'text', 'html', 'headers', 'attachments'],
  ...['inReplyTo', 'references', 'messageId', 'date', 'baseBoundary'],
  // The mailer's own, which nodemailer does not know.
  ...['id', 'tenantId', 'expiresAt', 'urgent', 'tags'],
]);

/** Fields of the caller that name no recipient and no sender. */
const WITHOUT_ADDRESSES = /^(?:X|List)-[A-Za-z-]+$|^(?:Auto-Submitted|Precedence|Feedback-ID)$/i;

const ADDRESS = String.raw`[\w+-]+(?:\.[\w+-]+)*@(?!xn--|[^@]*\.xn--)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}`;

/** An address that every parser reads alike, alone or after a name of words. */
const MAILBOX = new RegExp(
  `^(?:(?<bare>${ADDRESS})|(?<name>[A-Za-z0-9]+(?: [A-Za-z0-9]+)*) <(?<named>${ADDRESS})>)$`,
);

interface Mailbox {
  readonly name: string;
  readonly address: string;
}

interface ParsedMail {
  readonly given: SendMailOptions;
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly bcc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
}

/**
 * Reads the addresses of a plain mail. nodemailer would parse them for the envelope and again for each header field, which
 * takes longer than all else that it does for a short mail.
 *
 * @returns undefined for what only nodemailer reads: other fields, or addresses in any other form
 */
export function parsePlainMail(given: SendMailOptions): ParsedMail | undefined {
  if (!isPlainMail(given) || !hasWrittenFieldsOnly(given)) return undefined;
  const [from] = mailboxesOf(given.from) ?? [];
  const [to, cc, bcc, replyTo] = [given.to, given.cc, given.bcc, given.replyTo].map(mailboxesOf);
  if (Array.isArray(given.from) || !from || !to || !cc || !bcc || !replyTo) return undefined;
  return { given, from, to, cc, bcc, replyTo };
}

/** The RFC 5321 envelope: each recipient of To, Cc and Bcc. */
export function envelopeOf({ from, to, cc, bcc }: ParsedMail): MimeNodeEnvelope {
  return { from: from.address, to: [...to, ...cc, ...bcc].map(({ address }) => address) };
}

/** The mail for nodemailer, with its addresses parsed. */
export function toFields({ given, from, to, cc, bcc, replyTo }: ParsedMail): SendMailOptions {
  // Without its members a list would still be a field.
  const asField = (name: string, mailboxes: readonly Mailbox[]) =>
    mailboxes.length === 0 ? {} : { [name]: mailboxes };
  return {
    ...given,
    from,
    ...asField('to', to),
    ...asField('cc', cc),
    ...asField('bcc', bcc),
    ...asField('replyTo', replyTo),
  };
}

function hasWrittenFieldsOnly(mail: SendMailOptions): boolean {
  const { headers = {} } = mail;
  const given = Object.entries(mail).filter(([, value]) => value !== undefined);
  return (
    given.every(([name]) => WRITTEN_FIELDS.has(name)) &&
    !Array.isArray(headers) &&
    Object.keys(headers).every((name) => WITHOUT_ADDRESSES.test(name))
  );
}

/** None for a field that is not set; undefined if one of its mailboxes is in any other form. */
function mailboxesOf(given: unknown): Mailbox[] | undefined {
  if (given === undefined || given === null || given === '') return [];
  if (Array.isArray(given) && given.length === 0) return undefined;
  const mailboxes = [given].flat().map(mailboxOf);
  return mailboxes.every((mailbox) => mailbox !== undefined) ? mailboxes : undefined;
}

function mailboxOf(given: unknown): Mailbox | undefined {
  const { bare, name = '', named } = (typeof given === 'string' && MAILBOX.exec(given)?.groups) || {};
  const address = bare ?? named;
  return address === undefined ? undefined : { name, address };
}

/**
 * The bytes that nodemailer writes for a mail of texts alone, without its tree of nodes, each of which reads and rewrites
 * its header fields several times.
 *
 * @returns undefined for a mail with attachments or fields of its own, or without what a composition mark gives it
 */
export function writePlainMail({ given, from, to, cc, replyTo }: ParsedMail): WrittenMail | undefined {
  const { text, html, attachments = [], headers, messageId, date, baseBoundary, subject } = given;
  if (attachments.length > 0 || headers !== undefined) return undefined;
  if (messageId === undefined || !/^<[!-=?-~]+>$/.test(messageId) || !types.isDate(date)) return undefined;
  const content = contentOf(text, html, baseBoundary);
  if (content === undefined || findAddressProblem(from.address) !== undefined) return undefined;
  const fields = [
    ['From', addressList([from])],
    ['To', addressList(to)],
    ['Cc', addressList(cc)],
    ['Reply-To', addressList(replyTo)],
    ['In-Reply-To', idList('In-Reply-To', given.inReplyTo)],
    ['References', idList('References', given.references)],
    ['Subject', encodeSubject(subject)],
    ['Message-ID', messageId],
    ['Date', date.toUTCString().replace('GMT', '+0000')],
    ['Content-Transfer-Encoding', content.encoding],
    ['MIME-Version', '1.0'],
    ['Content-Type', content.type],
  ] as const;
  const section = fields
    .flatMap(([name, value]) => (value.trim() === '' ? [] : foldLines(`${name}: ${value}`, 76)))
    .join('\r\n');
  if (!needsNoCorrection(section)) return undefined;
  const mime = Buffer.from(`${section}\r\n\r\n${content.body}`);
  const end = mime.at(-1) === LF ? '' : mime.at(-1) === CR ? '\n' : '\r\n';
  return { messageId, mime: end === '' ? mime : Buffer.concat([mime, Buffer.from(end)]) };
}

/** Of fields like these, only a line that cannot be folded, or very many recipients, are left to check. */
function needsNoCorrection(section: string): boolean {
  return (
    section.length <= MAX_HEADER_BYTES &&
    (section.length <= MAX_LINE_CHARACTERS ||
      section.split('\r\n').every((line) => line.length <= MAX_LINE_CHARACTERS))
  );
}

const CR = 0x0d;
const LF = 0x0a;

interface WrittenMail {
  readonly mime: Buffer;
  readonly messageId: string;
}

interface WrittenContent {
  readonly type: string;
  /** Empty for several parts, each of which has its own. */
  readonly encoding: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
const HTML = 'text/html; charset=utf-8';

function contentOf(text: unknown, html: unknown, baseBoundary: unknown): WrittenContent | undefined {
  const given = [...(text ? [[TEXT, text] as const] : []), ...(html ? [[HTML, html] as const] : [])];
  const parts = given.map(([type, content]) => writePart(type, content));
  const [first, second] = parts;
  if (first === undefined || second === undefined) return parts.length === 1 ? first : undefined;
  if (typeof baseBoundary !== 'string' || !/^\w{1,40}$/.test(baseBoundary)) return undefined;
  const boundary = `--_NmP-${baseBoundary}-Part_1`;
  const body = [first, second]
    .map(
      (part) =>
        `--${boundary}\r\nContent-Type: ${part.type}\r\nContent-Transfer-Encoding: ${part.encoding}\r\n\r\n${part.body}`,
    )
    .join('\r\n');
  return {
    type: `multipart/alternative; boundary="${boundary}"`,
    encoding: '',
    body: `${body}\r\n--${boundary}--\r\n`,
  };
}

/** nodemailer encodes a longer text, or one with a blank at its end, in slices. */
function writePart(type: string, content: unknown): WrittenContent | undefined {
  if (typeof content !== 'string') return undefined;
  if (isSevenBit(content)) return { type, encoding: '7bit', body: content };
  const encoding = new MimeNode(type).setContent(content).getTransferEncoding();
  if (encoding === false || Buffer.byteLength(content) > MAX_QP_BYTES || /[ \t]$/.test(content))
    return undefined;
  return { type, encoding, body: encodeContent(content, encoding).toString() };
}

/** Whether a text can be sent as it is; that of a long line is for nodemailer to say. */
function isSevenBit(text: string): boolean {
  if (!/^[\t\n\r -\x7f]*$/.test(text)) return false;
  for (let start = 0; start < text.length; ) {
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed === -1 ? text.length : lineFeed;
    if (end - start > 76) return false;
    start = end + 1;
  }
  return true;
}

function addressList(mailboxes: readonly Mailbox[]): string {
  return mailboxes.map(({ name, address }) => (name === '' ? address : `${name} <${address}>`)).join(', ');
}

/** Empty without an id: `<>` is none. */
function idList(name: string, ids: string | string[] | undefined): string {
  const encoded = ids === undefined ? '' : MimeNode.encodeHeaderValue(name, ids);
  return /[^\s<>]/.test(encoded) ? encoded : '';
}

/** Printable ASCII without quotes and encoded words stays as it is; the rest is for nodemailer. */
function encodeSubject(subject = ''): string {
  const isPlain = /^[ !#-~]*$/.test(subject) && !subject.includes('=?');
  return isPlain ? subject : MimeNode.encodeHeaderValue('Subject', subject);
}

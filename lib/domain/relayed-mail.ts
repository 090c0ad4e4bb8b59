import { createHash } from 'node:crypto';
import { parseDomain } from './address.ts';
import { type DeliveryStamp, readStamp, STAMP_HEADER } from './delivery-stamp.ts';
import { correctHeaders, findUnsendable } from './header-corrections.ts';
import {
  type HeaderField,
  headerFields,
  headerValues,
  validateHeaders,
  withHeader,
  withHeaderFields,
  withLowerCaseFrom,
} from './mime-headers.ts';
import { validateSender } from './sender.ts';

/** A mail as a client submitted it by SMTP, before anything in it was checked. */
export interface SubmittedMail {
  /** RFC 5321 reverse path. */
  readonly from: string;
  /** The message as it came, dots removed. */
  readonly raw: Buffer;
}

/** What a client is answered if a mail can never be sent as it is. */
interface Rejection {
  readonly code: number;
  /** RFC 3463. */
  readonly enhancedStatus: string;
  readonly detail: string;
}

export type ReadMail =
  | {
      readonly kind: 'mail';
      readonly id: string;
      /** What is sent by either route: the same bytes in whichever session, and over whichever servers, the mail came. */
      readonly mime: Buffer;
      readonly messageId: string;
      /** The fields that servers on the way had written, with their line ends. */
      readonly trace: string;
      /** Set if a mailer of ours sent it, and a mail server brought it here. */
      readonly stamp?: DeliveryStamp;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

export interface ReadMailDeps {
  /** The domain that SES sends for. */
  readonly domain: string;
  /** The keys of the mailers' stamps. */
  readonly idKeys: readonly string[];
  readonly randomId: () => string;
}

/** Servers write these on the way: they differ between the sessions of one mail, and say nothing to its reader. */
const TRACE_FIELDS = new Set([
  ...['received', 'return-path', 'delivered-to', 'x-original-to', STAMP_HEADER.toLowerCase()],
]);

/** Each is compared with the hash of all that follows. */
const MAX_STAMPS = 3;

/** As Postfix counts them. */
const MAX_HOPS = 50;

/**
 * Reads the message of a client: takes off what servers wrote on its way, corrects the header section or rejects it, and
 * gives it its id.
 *
 * The ledger sends a recipient once for an id, and accepts one content for it. So the id and the bytes must be the same in
 * each session of one mail. A stamp says both. Without one, the id is a hash of Message-ID, sender and message, all
 * without what servers wrote; recipients are left out, since a server may send them in several sessions.
 */
export function readMail({ from, raw }: SubmittedMail, deps: ReadMailDeps): ReadMail {
  const bare = findBareLineEnd(raw);
  if (bare !== undefined) return rejected(550, '5.6.0', bare);
  const problem = validateHeaders(raw);
  if (problem !== undefined) return rejected(550, '5.6.0', problem.detail);
  const fields = headerFields(raw);
  const hops = fields.filter(({ name }) => name === 'received').length;
  if (hops > MAX_HOPS) return rejected(554, '5.4.6', `too many hops: ${hops}, the mail goes in circles`);
  const trace = traceOf(fields);
  const stamped = findStamp(raw, fields, deps.idKeys);
  if (stamped !== undefined) {
    const { mime, stamp } = stamped;
    const wrong = findProblem(from, mime, deps.domain);
    if (wrong !== undefined) return { kind: 'rejected', rejection: wrong };
    const messageId = headerValues(mime, 'message-id')[0] ?? '';
    return { kind: 'mail', id: stamp.id, mime, messageId, trace, stamp };
  }
  const content = withLowerCaseFrom(
    correctHeaders(
      withHeaderFields(
        raw,
        fields.filter(({ name }) => !TRACE_FIELDS.has(name)),
      ),
    ),
  );
  const wrong = findProblem(from, content, deps.domain);
  if (wrong !== undefined) return { kind: 'rejected', rejection: wrong };
  return { kind: 'mail', ...identify(from, content, { raw, hops }, deps), trace };
}

function rejected(code: number, enhancedStatus: string, detail: string): ReadMail {
  return { kind: 'rejected', rejection: { code, enhancedStatus, detail } };
}

function findProblem(from: string, mime: Buffer, domain: string): Rejection | undefined {
  const sender = validateSender(from, mime, domain);
  if (sender !== undefined) return { code: 550, enhancedStatus: '5.7.1', detail: sender.detail };
  const unsendable = findUnsendable(mime);
  return unsendable === undefined
    ? undefined
    : { code: 550, enhancedStatus: '5.6.0', detail: unsendable.detail };
}

function traceOf(fields: readonly HeaderField[]): string {
  return fields
    .filter(({ name }) => name === 'received')
    .map(({ lines }) => `${lines}\r\n`)
    .join('');
}

/** A client may write the field, too: only one with a valid signature counts. */
export function findStamp(
  raw: Buffer,
  fields: readonly HeaderField[],
  keys: readonly string[],
): { readonly mime: Buffer; readonly stamp: DeliveryStamp } | undefined {
  if (keys.length === 0) return undefined;
  let end = 0;
  let seen = 0;
  for (const field of fields) {
    end += Buffer.byteLength(field.lines, 'latin1') + 2;
    if (field.name !== STAMP_HEADER.toLowerCase()) continue;
    seen += 1;
    if (seen > MAX_STAMPS) return undefined;
    const mime = raw.subarray(end);
    const stamp = readStamp(field, mime, keys);
    if (stamp !== undefined) return { mime, stamp };
  }
  return undefined;
}

/**
 * A mail without Message-ID could be the same as another one letter by letter, such as a daily report of an appliance.
 * What the first server wrote tells the two apart, and is the same if that server sends one of them again; without it,
 * each counts as a mail of its own, because losing one is worse than sending it twice.
 */
function identify(
  from: string,
  content: Buffer,
  { raw, hops }: { readonly raw: Buffer; readonly hops: number },
  { randomId }: ReadMailDeps,
): { readonly id: string; readonly mime: Buffer; readonly messageId: string } {
  const [messageId] = headerValues(content, 'message-id');
  if (messageId !== undefined) return { id: hashOf([messageId, from], content), mime: content, messageId };
  const id = hops > 0 ? hashOf(['', from], raw) : hashOf([randomId(), from], content);
  const own = `<${id.slice(-40)}@${parseDomain(from)}>`;
  return { id, mime: withHeader(content, 'Message-ID', own), messageId: own };
}

function hashOf(words: readonly string[], bytes: Buffer): string {
  return `relay-${createHash('sha256').update(JSON.stringify(words)).update(bytes).digest('hex')}`;
}

const CR = 0x0d;
const LF = 0x0a;

/**
 * A line that does not end in CRLF is the tool of SMTP smuggling: one server takes it for the end of the mail, and the
 * next does not. Nothing sensible sends it (RFC 5321, 2.3.8).
 */
function findBareLineEnd(raw: Buffer): string | undefined {
  for (let at = raw.indexOf(LF); at !== -1; at = raw.indexOf(LF, at + 1)) {
    if (raw[at - 1] !== CR) return 'a line ends in a bare <LF>, only <CR><LF> is allowed';
  }
  for (let at = raw.indexOf(CR); at !== -1; at = raw.indexOf(CR, at + 1)) {
    if (raw[at + 1] !== LF) return 'the message has a bare <CR>, only <CR><LF> is allowed';
  }
  return undefined;
}

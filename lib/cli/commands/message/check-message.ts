import { MailContentComposer } from '../../../adapters/mime/compose-mail.ts';
import {
  addressKey,
  distinctRecipients,
  findAddressProblem,
  isWithinDomain,
  maskAddress,
  parseDomain,
} from '../../../domain/address.ts';
import { unpackMime } from '../../../domain/content.ts';
import { compositionMark } from '../../../domain/delivery.ts';
import {
  type FallbackMessage,
  type Priority,
  parseFallbackMessage,
} from '../../../domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../../domain/limits.ts';
import { headerValues, parseMailboxList, validateHeaders } from '../../../domain/mime-headers.ts';
import { describeProblem, type Problem } from '../../../domain/problems.ts';
import { type SenderProblem, validateSender } from '../../../domain/sender.ts';

/** What the resend Lambda would do with a message, as far as that can be known without a connection. */
export interface MessageCheck {
  /** `partly`: some recipients become a dead letter. */
  readonly outcome: 'sent' | 'partly' | 'dead-letter';
  /** Of the dead letter, if it is one as a whole or in part. */
  readonly cause?: string;
  /** Rules of the contract that it breaks. */
  readonly problems: readonly Problem[];
  /** The rest that is wrong or surprising, a sentence each. */
  readonly warnings: readonly string[];
  readonly id?: string;
  readonly tenantId?: string;
  /** Which queue it belongs into. */
  readonly priority?: Priority;
  /** Who gets the mail, masked. */
  readonly recipients: readonly string[];
  readonly bytes: { readonly message: number; readonly limit: number; readonly mime?: number };
  /** `inline`: in the message itself. */
  readonly content?: 'inline' | 's3';
  readonly expiresAt?: string;
}

/**
 * Checks the body of a message by all rules that the Lambda applies before it calls SES.
 *
 * @param domain the domain that SES sends for; undefined if it is not known here
 */
export async function checkMessage(
  body: string,
  now: Date,
  domain?: string | undefined,
): Promise<MessageCheck> {
  const bytes = { message: Buffer.byteLength(body), limit: MAX_QUEUE_MESSAGE_BYTES };
  const parsed = parseFallbackMessage(body);
  if (parsed.kind === 'message') return checkReadable(parsed.message, bytes, now, domain);
  const { reason, detail, problems, subject, split } = parsed;
  // Of what is no message at all, only the detail says what is wrong.
  const said = problems.length > 0 ? problems : [{ path: 'message', rule: detail }];
  if (split === undefined) {
    const { id, tenantId } = subject;
    return {
      outcome: 'dead-letter',
      cause: reason,
      problems: said,
      warnings: [],
      ...(id === undefined ? {} : { id }),
      ...(tenantId === undefined ? {} : { tenantId }),
      recipients: [],
      bytes,
    };
  }
  const others = await checkReadable(split.message, bytes, now, domain);
  return others.outcome === 'dead-letter'
    ? { ...others, problems: said }
    : { ...others, outcome: 'partly', cause: reason, problems: said };
}

async function checkReadable(
  message: FallbackMessage,
  bytes: MessageCheck['bytes'],
  now: Date,
  domain: string | undefined,
): Promise<MessageCheck> {
  const { id, tenantId, priority = 'normal', content, expiresAt } = message;
  const common = {
    problems: [],
    id,
    ...(tenantId === undefined ? {} : { tenantId }),
    priority,
    content: content.type === 's3' ? ('s3' as const) : ('inline' as const),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  const deadLetter = (cause: string, warning: string): MessageCheck => ({
    ...common,
    outcome: 'dead-letter',
    cause,
    warnings: [warning],
    recipients: [],
    bytes,
  });
  if (expiresAt !== undefined && new Date(expiresAt) <= now) {
    return deadLetter('expired', `it expired at ${expiresAt}`);
  }
  const loaded = await loadMime(message);
  if (loaded.kind === 'unreadable') return deadLetter(loaded.reason, loaded.detail);
  const mime = loaded.kind === 'mime' ? loaded.mime : undefined;
  const problem = mime === undefined ? undefined : validateHeaders(mime);
  if (problem !== undefined) return deadLetter(problem.reason, problem.detail);
  const foreign = domain === undefined ? undefined : findForeignSender(message.envelope.from, mime, domain);
  if (foreign !== undefined) return deadLetter(foreign.reason, foreign.detail);
  const to = distinctRecipients(message.envelope.to);
  const unsendable = to.filter((address) => findAddressProblem(address) !== undefined);
  const sendable = to.filter((address) => !unsendable.includes(address));
  const [first] = unsendable;
  return {
    ...common,
    outcome: first === undefined ? 'sent' : sendable.length === 0 ? 'dead-letter' : 'partly',
    ...(first === undefined ? {} : { cause: causeOf(first) }),
    warnings: [
      ...unsendable.map((address) => `${maskAddress(address)}: ${findAddressProblem(address)}`),
      ...senderWarnings(message, mime),
      ...leftOutWarnings(message, mime),
    ],
    recipients: sendable.map(maskAddress),
    bytes: { ...bytes, ...(content.type === 'mail' ? { mime: mime?.length ?? 0 } : { mime: content.bytes }) },
  };
}

/** Of content in S3 only the envelope is known. */
function findForeignSender(
  from: string,
  mime: Buffer | undefined,
  domain: string,
): SenderProblem | undefined {
  if (mime !== undefined) return validateSender(from, mime, domain);
  return isWithinDomain(from, domain)
    ? undefined
    : { reason: 'foreign-sender', detail: `the envelope's sender is not of ${domain}` };
}

function causeOf(address: string): string {
  return /[^\x20-\x7e]/.test(address.slice(0, address.lastIndexOf('@')))
    ? 'needs-smtputf8'
    : 'invalid-for-ses';
}

type Loaded =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly detail: string };

async function loadMime({ id, envelope, createdAt, content }: FallbackMessage): Promise<Loaded> {
  switch (content.type) {
    case 's3':
      return { kind: 'elsewhere' };
    case 'mime':
      return unpackMime(content);
    case 'mail':
      return new MailContentComposer().compose(
        content,
        compositionMark(id, envelope.from, new Date(createdAt)),
      );
  }
}

/** Which domain may send is known only to the deployment; those of one mail have to be the same. */
function senderWarnings({ envelope }: FallbackMessage, mime: Buffer | undefined): string[] {
  if (mime === undefined) return [];
  const domain = parseDomain(envelope.from);
  const authors = headerValues(mime, 'from').flatMap((value) => parseMailboxList(value) ?? []);
  if (authors.length === 0)
    return ['From is no plain list of addresses: the Lambda refuses it as foreign-sender'];
  return authors.some(
    (author) => !isWithinDomain(author, domain) && !isWithinDomain(envelope.from, parseDomain(author)),
  )
    ? ['From and envelope.from are of different domains: only mail of the deployed domain is sent']
    : [];
}

/** Of a mail that SMTP was tried for, the others may have it already. */
function leftOutWarnings(message: FallbackMessage, mime: Buffer | undefined): string[] {
  if (message.failure !== undefined) return [];
  const pending = new Set(message.envelope.to.map(addressKey));
  const { content } = message;
  const written =
    content.type === 'mail'
      ? [content.to, content.cc, content.bcc].flat()
      : ['to', 'cc', 'bcc'].flatMap((name) => (mime === undefined ? [] : headerValues(mime, name)));
  const named = written.flatMap((value) => parseMailboxList(value ?? '') ?? []);
  const leftOut = [...new Set(named.map(addressKey))].filter((key) => !pending.has(key));
  return leftOut.map(
    (address) => `${maskAddress(address)} stands in To, Cc or Bcc, but not in envelope.to: it gets no mail`,
  );
}

/** A line for each thing that is wrong. */
export function describeFindings({ problems, warnings }: MessageCheck): string[] {
  return [...problems.map(describeProblem), ...warnings];
}

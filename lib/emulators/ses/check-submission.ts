import addressparser from 'nodemailer/lib/addressparser';
import type { SesAccount } from './account.ts';
import { headerValue, headerValues, type MessageHeader, readMessageHeader } from './delivered-message.ts';
import {
  invalidParameter,
  type MessageTags,
  type Refusal,
  type SesApi,
  type Submission,
} from './submission.ts';

/** The envelope of an accepted submission, or why SES refuses it. */
export type SubmissionCheck =
  | { readonly kind: 'fine'; readonly source: string; readonly recipients: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

// SES's limits stand here on their own: shared with the code under test, a wrong number would go unseen.
const MAX_MESSAGE_BYTES: Readonly<Record<SesApi, number>> = { v1: 10_485_760, v2: 40_000_000 };
const MAX_RECIPIENTS = 50;
const MAX_TAG_LENGTH = 256;

/** With its CRLF. */
const MAX_LINE_CHARACTERS = 1000;

/**
 * Fields that may stand at most once.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
 */
const SINGLE_FIELDS = [
  ...['Accept-Language', 'acceptLanguage', 'Archived-At', 'Auto-Submitted', 'Bounces-to', 'Comments'],
  ...['Content-Alternative', 'Content-Base', 'Content-Class', 'Content-Description', 'Content-Disposition'],
  ...['Content-Duration', 'Content-ID', 'Content-Language', 'Content-Length', 'Content-Location'],
  ...['Content-MD5', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'Delivered-To'],
  ...['Disposition-Notification-Options', 'Disposition-Notification-To', 'DKIM-Signature'],
  ...['DomainKey-Signature', 'Errors-To', 'From', 'Importance', 'In-Reply-To', 'Keywords', 'List-Archive'],
  ...['List-Help', 'List-Id', 'List-Owner', 'List-Post', 'List-Subscribe', 'List-Unsubscribe'],
  ...['List-Unsubscribe-Post', 'Message-Context', 'Message-ID', 'MIME-Version', 'Organization'],
  ...['Original-From', 'Original-Message-ID', 'Original-Recipient', 'Original-Subject', 'Precedence'],
  ...['Priority', 'References', 'Reply-To', 'Return-Path', 'Return-Receipt-To', 'Sender', 'Solicitation'],
  ...['Sensitivity', 'Subject', 'Thread-Index', 'Thread-Topic', 'User-Agent', 'VBR-Info'],
];

/** Fields that need an address if they are there (RFC 5322, 3.6.2 and 3.6.3). */
const ADDRESS_FIELDS = ['From', 'Sender', 'Reply-To', 'To', 'Cc'];

/**
 * Checks a submission as SES does before counting it. Which of several errors SES reports first is not
 * documented; here syntax is checked before state.
 */
export function checkSubmission(
  submission: Submission,
  { account, api, region }: { account: SesAccount; api: SesApi; region: string },
): SubmissionCheck {
  const header = readMessageHeader(submission.raw);
  const malformed =
    checkSize(submission.raw, MAX_MESSAGE_BYTES[api]) ??
    checkTags(submission.tags) ??
    checkHeader(header) ??
    checkLines(submission.raw);
  if (malformed !== undefined) return { kind: 'refused', refusal: invalidParameter(malformed) };

  const envelope = readEnvelope(submission, header);
  if (envelope.kind === 'refused') return envelope;
  const refusal =
    checkSendingAllowed(submission.configurationSet, account) ??
    checkIdentities([envelope.source, ...headerSenders(header)], envelope.recipients, account, region);
  return refusal === undefined ? envelope : { kind: 'refused', refusal };
}

function checkSize(raw: Buffer, maxBytes: number): string | undefined {
  // the text is from v1; v2 is assumed to use the same
  return raw.length > maxBytes
    ? `Message length is more than ${maxBytes} bytes long: '${raw.length}'.`
    : undefined;
}

function checkTags(tags: MessageTags): string | undefined {
  // the text for values was observed, with angle brackets; those for names and length are assumed
  for (const [name, value] of Object.entries(tags)) {
    if (!isTagText(name)) return `Invalid tag name <${name}>: ${ALLOWED_IN_TAGS}`;
    if (!isTagText(value)) return `Invalid tag value <${value}>: ${ALLOWED_IN_TAGS}`;
  }
  return undefined;
}

const ALLOWED_IN_TAGS = "only alphanumeric ASCII characters, '_', and '-' are allowed.";

function isTagText(text: string): boolean {
  return text.length <= MAX_TAG_LENGTH && /^[A-Za-z0-9_-]+$/.test(text);
}

/**
 * "All of the required header fields must be present", in the format of RFC 822. The text for a field without
 * an address is the one of a missing field, which is assumed.
 *
 * @see https://docs.aws.amazon.com/ses/latest/APIReference/API_RawMessage.html
 */
function checkHeader(header: MessageHeader): string | undefined {
  if (!headerValue(header, 'From')) return "Missing required header 'From'.";
  const repeated = SINGLE_FIELDS.find((name) => headerValues(header, name).length > 1);
  if (repeated !== undefined) return `Duplicate header '${repeated}'.`;
  const empty = ADDRESS_FIELDS.find((name) => headerValue(header, name) === '');
  return empty === undefined ? undefined : `Missing required header '${empty}'.`;
}

const LF = 0x0a;

/**
 * "Per RFC 5321, the maximum length of each line of text, including the <CRLF>, must not exceed 1,000
 * characters." The text of the error is assumed.
 *
 * @see https://docs.aws.amazon.com/ses/latest/APIReference/API_RawMessage.html
 */
function checkLines(raw: Buffer): string | undefined {
  for (let start = 0; start < raw.length; ) {
    const lineFeed = raw.indexOf(LF, start);
    const next = lineFeed < 0 ? raw.length : lineFeed + 1;
    if (next - start > MAX_LINE_CHARACTERS) return `Line length exceeds ${MAX_LINE_CHARACTERS} characters.`;
    start = next;
  }
  return undefined;
}

function readEnvelope(submission: Submission, header: MessageHeader): SubmissionCheck {
  const source = readSender(submission, header);
  if (source.kind === 'invalid') return { kind: 'refused', refusal: invalidParameter(source.message) };
  const recipients = readRecipients(submission, header);
  const invalid = recipients.find((recipient) => recipient.kind === 'invalid');
  if (invalid !== undefined) return { kind: 'refused', refusal: invalidParameter(invalid.message) };
  const addresses = addressesIn(recipients);
  const countError = checkCount(addresses.length);
  if (countError !== undefined) return { kind: 'refused', refusal: invalidParameter(countError) };
  return { kind: 'fine', source: source.address, recipients: addresses };
}

/** Without a Source, the sender is the Return-Path, else the Sender, else the first From. */
function readSender(submission: Submission, header: MessageHeader): AddressCheck {
  if (submission.source !== undefined) return readMailbox(submission.source);
  const value = ['Return-Path', 'Sender', 'From'].map((name) => headerValue(header, name)).find(Boolean);
  return readMailboxes(value ?? '')[0] ?? { kind: 'invalid', message: "Missing final '@domain'" };
}

function readRecipients(submission: Submission, header: MessageHeader): AddressCheck[] {
  if (submission.destinations !== undefined) return submission.destinations.map(readMailbox);
  return ['To', 'Cc', 'Bcc'].flatMap((name) => headerValues(header, name)).flatMap(readMailboxes);
}

function checkCount(recipients: number): string | undefined {
  if (recipients === 0) return "Missing required header 'To'.";
  return recipients > MAX_RECIPIENTS ? `Recipient count exceeds ${MAX_RECIPIENTS}.` : undefined;
}

function headerSenders(header: MessageHeader): string[] {
  const values = ['From', 'Sender', 'Return-Path'].flatMap((name) => headerValues(header, name));
  return addressesIn(values.flatMap(readMailboxes));
}

function addressesIn(checks: readonly AddressCheck[]): string[] {
  return checks.flatMap((check) => (check.kind === 'address' ? [check.address] : []));
}

function checkSendingAllowed(configurationSet: string | undefined, account: SesAccount): Refusal | undefined {
  if (account.enforcementStatus === 'SHUTDOWN') {
    // observed on v1; v2 is assumed to respond the same
    return {
      reason: 'message-rejected',
      message:
        'Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.',
    };
  }
  if (!account.sendingEnabled) {
    // AWS documents the error and its meaning, not its text
    return {
      reason: 'account-paused',
      message: 'Email sending is disabled for your entire Amazon SES account.',
    };
  }
  return configurationSet === undefined ? undefined : checkConfigurationSet(configurationSet, account);
}

function checkConfigurationSet(name: string, account: SesAccount): Refusal | undefined {
  const configurationSet = account.configurationSets.get(name);
  // the angle brackets are SES's; the text for a paused set is assumed
  if (configurationSet === undefined) {
    return { reason: 'unknown-configuration-set', message: `Configuration set <${name}> does not exist.` };
  }
  if (configurationSet.sendingEnabled) return undefined;
  return {
    reason: 'configuration-set-paused',
    message: `Sending is paused for configuration set <${name}>.`,
  };
}

/**
 * "This error can also be caused by the From, Source, Sender or Return-Path address": each must be verified.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
 */
function checkIdentities(
  senders: readonly string[],
  recipients: readonly string[],
  account: SesAccount,
  region: string,
): Refusal | undefined {
  const failed = new Set([
    ...senders.filter((sender) => !account.isVerified(sender)),
    ...recipients.filter((recipient) => !account.maySendTo(recipient)),
  ]);
  if (failed.size === 0) return undefined;
  const message = `Email address is not verified. The following identities failed the check in region ${region.toUpperCase()}: ${[...failed].join(', ')}`;
  return { reason: 'message-rejected', message };
}

/** An address that SES would send to or from, or the reason it would not. */
export type AddressCheck =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** Parses one mailbox parameter of a call: `a@example.org` or `Name <a@example.org>`. */
export function readMailbox(text: string): AddressCheck {
  if (!text.includes('<')) return checkAddress(text.trim());
  const [mailbox, ...others] = addressparser(text, { flatten: true });
  if (mailbox === undefined || others.length > 0) return { kind: 'invalid', message: 'Illegal address' };
  return checkAddress(mailbox.address);
}

/** Parses all mailboxes of an address header, including those in groups. */
function readMailboxes(headerValue: string): AddressCheck[] {
  return addressparser(headerValue, { flatten: true }).map(({ address }) => checkAddress(address));
}

/**
 * An address is 7-bit ASCII, since SES has no SMTPUTF8, and its domain has a top-level domain.
 *
 * @see https://docs.aws.amazon.com/ses/latest/APIReference/API_Destination.html
 *
 * The checks and texts are those of JavaMail's InternetAddress. Observed in SES responses: "Missing final
 * '@domain'", "Local address contains control or whitespace". The other texts are from JavaMail and were not
 * observed in SES; the one about the domain's form is assumed.
 */
function checkAddress(address: string): AddressCheck {
  const message = findAddressError(address);
  return message === undefined ? { kind: 'address', address } : { kind: 'invalid', message };
}

function findAddressError(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 0) return "Missing final '@domain'";
  return checkLocalPart(address.slice(0, at)) ?? checkDomain(address.slice(at + 1));
}

function checkLocalPart(localPart: string): string | undefined {
  if (localPart === '') return 'Missing local name';
  if (/^"[\x20-\x7e]*"$/.test(localPart)) return undefined;
  // SES has no SMTPUTF8: it refuses anything but printable ASCII with the text for control characters
  if (/[^\x21-\x7e]/.test(localPart)) return 'Local address contains control or whitespace';
  if (/[()<>,;:\\"[\]@]/.test(localPart)) return 'Local address contains illegal character';
  if (localPart.startsWith('.')) return 'Local address starts with dot';
  if (localPart.endsWith('.')) return 'Local address ends with dot';
  if (localPart.includes('..')) return 'Local address contains dot-dot';
  return undefined;
}

function checkDomain(domain: string): string | undefined {
  if (domain === '') return 'Missing domain';
  if (/[^\x21-\x7e]/.test(domain)) return 'Domain contains control or whitespace';
  // UserName@[SubDomain.]Domain.TopLevelDomain is the documented form
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(domain)) return `Invalid domain name: '${domain}'.`;
  return undefined;
}

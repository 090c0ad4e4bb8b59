import * as v from 'valibot';
import { parseJson } from '../common/json.ts';
import { ADDRESS_SHAPE, isBareAddress, withAsciiDomain } from './address.ts';
import { failureSchema } from './failure.ts';
import { MAX_CONTENT_BYTES, MAX_QUEUE_MESSAGE_BYTES, MAX_RECIPIENTS, PAYLOAD_PREFIX } from './limits.ts';
import { parseMailboxList } from './mime-headers.ts';
import { describeProblems, type Problem, problemsIn } from './problems.ts';
import { base64, mailContent } from './structured-mail.ts';

/**
 * The contract of the SQS message, version 1: one delivery from the API to the resend Lambda. It is published
 * as docs/contract/envelope.v1.schema.json. Unknown fields of the message are ignored, so that a newer sender may
 * add fields; those of a structured mail are refused, since they may hold its text. Error messages name what is
 * allowed and show no value as a whole.
 */
export const FALLBACK_MESSAGE_VERSION = 1;

const id = v.pipe(
  v.string(),
  v.regex(
    /^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$/,
    '1 to 128 printable ASCII characters, no space at the ends',
  ),
  v.description('The idempotency key of the delivery: the same id is the same mail, however often it comes.'),
);

const MAX_TENANT_CHARACTERS = 256;

/** As the API calls the tenant, in any characters. */
export const tenantSchema = v.pipe(
  v.string(),
  v.maxCodePoints(MAX_TENANT_CHARACTERS, `at most ${MAX_TENANT_CHARACTERS} characters`),
);

const tenantId = v.optional(
  v.pipe(
    v.nullable(v.union([tenantSchema, v.number()], 'text')),
    v.description(
      'Whose mail it is, in any characters. The queue is fair between tenants; receipts return it.',
    ),
    v.transform((tenant) => (tenant === null || tenant === '' ? undefined : String(tenant))),
  ),
);

/** RFC 5321, 4.5.3.1: 64 for the local part and 255 for the domain. */
const MAX_ADDRESS_CHARACTERS = 320;

const A_BARE_ADDRESS = 'a bare address such as marie@example.org';

export const addressSchema = v.pipe(
  v.string(),
  v.maxCodePoints(MAX_ADDRESS_CHARACTERS, `at most ${MAX_ADDRESS_CHARACTERS} characters`),
  v.regex(ADDRESS_SHAPE, A_BARE_ADDRESS),
  v.check(isBareAddress, A_BARE_ADDRESS),
  v.check(
    (address) => withAsciiDomain(address).length <= MAX_ADDRESS_CHARACTERS,
    `at most ${MAX_ADDRESS_CHARACTERS} characters, its domain in ASCII`,
  ),
);

const contentBytes = v.pipe(
  v.number(),
  v.integer('a whole number of bytes'),
  v.minValue(1, 'at least 1 byte'),
  v.maxValue(MAX_CONTENT_BYTES, `at most ${MAX_CONTENT_BYTES} bytes, the most that SES takes`),
  v.description('The size of the MIME message before encoding; it is enforced.'),
);

/** The composed MIME bytes, inline in the message. */
const mimeContent = v.object({
  type: v.pipe(v.literal('mime'), v.description('A composed MIME message, here in the queue message.')),
  encoding: v.pipe(
    v.picklist(['none', 'gzip', 'zstd']),
    v.description('How it is compressed before base64.'),
  ),
  bytes: contentBytes,
  data: v.pipe(
    base64,
    v.description('The MIME message, compressed if so said, in base64 without line breaks.'),
  ),
});

/** The composed MIME bytes, in the payload bucket. */
const s3Content = v.object({
  type: v.pipe(v.literal('s3'), v.description('A composed MIME message, in the payload bucket.')),
  key: v.pipe(
    v.string(),
    v.maxCodePoints(512, 'at most 512 characters'),
    v.regex(new RegExp(`^${PAYLOAD_PREFIX}[A-Za-z0-9_.=/-]+$`), `a key below ${PAYLOAD_PREFIX}`),
    v.description('The key of the object with the MIME message.'),
  ),
  bytes: contentBytes,
  sha256: v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
    v.description('The SHA-256 of the MIME message in lower-case hexadecimal digits.'),
  ),
});

/** Only forms that JavaScript parses: with any other (offset in hours only) a mail would never expire. */
export const timestampSchema = v.pipe(
  v.string(),
  v.isoTimestamp('an ISO 8601 time with its offset'),
  v.regex(
    /^[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:[12][0-9]|0[1-9]|3[01])[T ](?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])$/,
    'an ISO 8601 time, its offset Z or in hours and minutes',
  ),
);

/** SES message tags allow letters, digits, `_` and `-` in names and values. */
const tagText = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,256}$/, 'letters, digits, _ and -'));

const tags = v.pipe(
  v.record(tagText, tagText),
  v.maxEntries(40, 'at most 40 tags'),
  v.description('SES message tags, which each event of SES repeats: letters, digits, _ and -.'),
);

/** How soon a mail is sent while others wait. Without one it is normal. */
export const PRIORITIES = ['urgent', 'normal'] as const;

export type Priority = (typeof PRIORITIES)[number];

/** Identifies a delivery. */
const identity = {
  id,
  tenantId,
  tags: v.optional(tags),
};

/** Checks a caller's delivery by the same rules as the envelope. */
export const deliveryIdentitySchema = v.object(identity);

export const fallbackMessageSchema = v.object({
  version: v.pipe(v.literal(FALLBACK_MESSAGE_VERSION), v.description('The version of this contract.')),
  ...identity,
  envelope: v.pipe(
    v.object({
      from: v.pipe(
        addressSchema,
        v.description('The RFC 5321 sender, a bare address of your domain. Bounces go there.'),
      ),
      to: v.pipe(
        v.array(addressSchema),
        v.minLength(1, 'at least one recipient'),
        v.maxLength(MAX_RECIPIENTS, `at most ${MAX_RECIPIENTS} recipients`),
        v.description(
          'All who are to get the mail and do not have it yet, as bare addresses: those of To, Cc and Bcc together.',
        ),
      ),
    }),
    v.description('The RFC 5321 envelope. It alone decides who gets the mail; the headers are only shown.'),
  ),
  content: v.pipe(
    v.variant('type', [mimeContent, s3Content, mailContent]),
    v.description('The mail: its MIME message (type mime or s3), or its fields (type mail).'),
  ),
  failure: v.optional(
    v.pipe(failureSchema, v.description('How SMTP failed; left out if SMTP was not tried.')),
  ),
  // As with a class of failure, a newer sender's word is no reason to lose a mail.
  priority: v.optional(
    v.pipe(
      v.fallback(v.picklist(PRIORITIES), 'normal'),
      v.description(
        'urgent for a mail that a person waits for, such as a one-time code: no backlog of normal mail delays it, if it is put into the urgent queue. Left out, it is normal.',
      ),
    ),
  ),
  createdAt: v.pipe(
    timestampSchema,
    v.description('When the mail was made, in ISO 8601 with an offset in hours and minutes, or Z.'),
  ),
  expiresAt: v.optional(
    v.pipe(timestampSchema, v.description('After this time the mail is useless and is not sent.')),
  ),
});

export type FallbackMessage = v.InferOutput<typeof fallbackMessageSchema>;
export type Content = FallbackMessage['content'];
export type MimeContent = v.InferOutput<typeof mimeContent>;
export type S3Content = v.InferOutput<typeof s3Content>;
export type MailContent = v.InferOutput<typeof mailContent>;

/** A short message has room for few errors, so all are reported; for a longer one, only the first. */
const FULLY_DESCRIBED_BYTES = 64 * 1024;

export type ParsedFallbackMessage =
  | { readonly kind: 'message'; readonly message: FallbackMessage }
  | {
      readonly kind: 'unreadable';
      readonly reason: 'too-large' | 'not-json' | 'wrong-version' | 'wrong-schema';
      readonly detail: string;
      /** The rules that fields broke, if it was read so far. */
      readonly problems: readonly Problem[];
      readonly subject: MessageSubject;
      /** Set if nothing but addresses of some recipients is wrong. */
      readonly split?: SplitMessage;
    };

/** What can be read of a message that is invalid elsewhere. */
interface MessageSubject {
  readonly id?: string;
  readonly tenantId?: string;
  /** Those of the envelope; if it has none, those in the headers of a structured mail. */
  readonly recipients: readonly string[];
}

/** A message that is sent to those recipients whose addresses are valid. */
interface SplitMessage {
  readonly message: FallbackMessage;
  /** The message as it came, for the other recipients. */
  readonly refused: string;
}

/**
 * Reads the body of an SQS message. Accepts any input and never throws: an invalid envelope is `unreadable`,
 * with the field, its masked value and what is allowed there.
 */
export function parseFallbackMessage(text: string): ParsedFallbackMessage {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_QUEUE_MESSAGE_BYTES) {
    return unreadable('too-large', `${bytes} bytes, at most ${MAX_QUEUE_MESSAGE_BYTES} are allowed`);
  }
  const json = parseJson(text);
  if (json === undefined) return unreadable('not-json', 'the message body is no JSON');
  const parsed = v.safeParse(fallbackMessageSchema, json, {
    abortPipeEarly: true,
    abortEarly: bytes > FULLY_DESCRIBED_BYTES,
  });
  if (parsed.success) return { kind: 'message', message: parsed.output };
  const problems = problemsIn(parsed.issues);
  const split = splitRecipients(json);
  return {
    kind: 'unreadable',
    reason: isOfAnotherVersion(json) ? 'wrong-version' : 'wrong-schema',
    detail: describeProblems(problems),
    problems,
    subject: readSubject(json),
    ...(split === undefined ? {} : { split }),
  };
}

/**
 * Serialises an envelope for SQS. SQS accepts only XML 1.0 characters; two that JSON does not escape are not
 * among them.
 */
export function serialiseFallbackMessage(message: FallbackMessage): string {
  return toQueueText(message);
}

function toQueueText(json: object): string {
  return JSON.stringify(json).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

function unreadable(
  reason: Extract<ParsedFallbackMessage, { kind: 'unreadable' }>['reason'],
  detail: string,
): ParsedFallbackMessage {
  return { kind: 'unreadable', reason, detail, problems: [], subject: { recipients: [] } };
}

function readSubject(json: unknown): MessageSubject {
  const tenant = v.safeParse(tenantId, fieldOf(json, 'tenantId'));
  const given = fieldOf(json, 'id');
  return {
    ...(v.is(id, given) ? { id: given } : {}),
    ...(tenant.success && tenant.output !== undefined ? { tenantId: tenant.output } : {}),
    recipients: readRecipients(json),
  };
}

function readRecipients(json: unknown): string[] {
  const isAddress = (value: unknown): value is string => v.is(addressSchema, value);
  const pending = listOf(fieldOf(fieldOf(json, 'envelope'), 'to')).filter(isAddress);
  if (pending.length > 0) return pending;
  const content = fieldOf(json, 'content');
  return ['to', 'cc', 'bcc']
    .flatMap((name) => listOf(fieldOf(content, name)))
    .flatMap((mailbox) => (typeof mailbox === 'string' ? (parseMailboxList(mailbox) ?? []) : []))
    .filter(isAddress);
}

/** Leaves out the recipients that are no addresses; undefined if there are none, or something else is wrong, too. */
function splitRecipients(json: unknown): SplitMessage | undefined {
  const envelope = fieldOf(json, 'envelope');
  const to = fieldOf(envelope, 'to');
  if (!Array.isArray(to) || to.length > MAX_RECIPIENTS) return undefined;
  const valid = to.filter((address) => v.is(addressSchema, address));
  if (valid.length === 0 || valid.length === to.length) return undefined;
  const forThose = (some: readonly unknown[]) => ({
    ...(json as object),
    envelope: { ...(envelope as object), to: some },
  });
  const parsed = v.safeParse(fallbackMessageSchema, forThose(valid), { abortEarly: true });
  if (!parsed.success) return undefined;
  const refused = forThose(to.filter((address) => !valid.includes(address)));
  return { message: parsed.output, refused: toQueueText(refused) };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function listOf(value: unknown): readonly unknown[] {
  return (Array.isArray(value) ? value : [value]).slice(0, MAX_RECIPIENTS);
}

function isOfAnotherVersion(json: unknown): boolean {
  return (
    typeof json === 'object' &&
    json !== null &&
    'version' in json &&
    json.version !== FALLBACK_MESSAGE_VERSION
  );
}

/** The same mail, for some of its recipients. */
export function forRecipients(message: FallbackMessage, to: readonly string[]): FallbackMessage {
  return { ...message, envelope: { ...message.envelope, to: [...to] } };
}

/** Since when a mail waits: when SMTP failed or, if it was not tried, when the API created the mail. */
export function failedAt({ failure, createdAt }: FallbackMessage): Date {
  const failedAt = new Date(failure?.at ?? createdAt);
  // The contract allows failure times that JavaScript cannot parse.
  return Number.isNaN(failedAt.getTime()) ? new Date(createdAt) : failedAt;
}

import * as v from 'valibot';
import { parseJson } from '../common/json.ts';
import { addressKey } from './address.ts';
import {
  BOUNCE_TYPES,
  type DeliveryStatus,
  mergeStatuses,
  type RecipientStatuses,
  STATUS_KINDS,
} from './delivery-status.ts';
import { MAX_RESPONSE_CHARACTERS } from './failure.ts';
import {
  addressSchema,
  deliveryIdentitySchema,
  describeIssues,
  timestampSchema,
} from './fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from './limits.ts';

/**
 * The contract of the receipt, version 1: what became of a delivery, on its way from the pipeline back to the API.
 * It is published as docs/contract/receipt.v1.schema.json. Receipts may come late, twice and in any order; where two
 * speak of one recipient, `laterFate` says which of them stands. Unknown fields are ignored.
 */
const RECEIPT_VERSION = 1;

/** With as many, a receipt fits into a message of SQS whatever their servers answered. */
const MAX_RECIPIENTS_OF_RECEIPT = 100;

const { id, tenantId } = deliveryIdentitySchema.entries;

const word = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/, 'up to 200 printable ASCII characters'));

const recipient = v.object({
  address: addressSchema,
  /** The words of the recipient's server. */
  smtpResponse: v.optional(
    v.pipe(v.string(), v.maxLength(MAX_RESPONSE_CHARACTERS, `at most ${MAX_RESPONSE_CHARACTERS} characters`)),
  ),
  /** RFC 3463, for instance `5.1.1`. */
  enhancedStatus: v.optional(
    v.pipe(v.string(), v.regex(/^[245]\.\d{1,3}\.\d{1,3}$/, 'an enhanced status code such as 5.1.1')),
  ),
});

export const receiptSchema = v.object({
  version: v.literal(RECEIPT_VERSION),
  id,
  tenantId,
  kind: v.picklist(STATUS_KINDS),
  /** When it happened. */
  at: timestampSchema,
  /** The id that SES gave the mail; absent where SES never took it. */
  sesMessageId: v.optional(word),
  /** The Message-ID header that recipients see, and that their replies refer to: SES writes its own. */
  messageId: v.optional(word),
  /** Only of a bounce: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: word })),
  /** Why it failed or was suppressed, or what kind of complaint it is: a stable word. */
  reason: v.optional(word),
  /** Whom it is about. */
  recipients: v.pipe(
    v.array(recipient),
    v.minLength(1, 'at least one recipient'),
    v.maxLength(MAX_RECIPIENTS_OF_RECEIPT, `at most ${MAX_RECIPIENTS_OF_RECEIPT} recipients`),
  ),
});

export type Receipt = v.InferOutput<typeof receiptSchema>;

export type ParsedReceipt =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** Reads the body of an SQS message. It never throws, and what it says of a bad one repeats none of its values. */
export function parseReceipt(text: string): ParsedReceipt {
  if (Buffer.byteLength(text) > MAX_QUEUE_MESSAGE_BYTES) {
    return { kind: 'unreadable', detail: 'larger than a message of SQS' };
  }
  const parsed = v.safeParse(receiptSchema, parseJson(text), { abortPipeEarly: true, abortEarly: true });
  return parsed.success
    ? { kind: 'receipt', receipt: parsed.output }
    : { kind: 'unreadable', detail: describeIssues(parsed.issues) };
}

/** The text of a receipt as SQS carries it; SQS takes the characters of XML 1.0 alone. */
export function serialiseReceipt(receipt: Receipt): string {
  return JSON.stringify(receipt).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

/** Whom a receipt is sent about, and where replies to the mail will point. */
export interface ReceiptSubject {
  readonly id: string;
  readonly tenantId?: string | undefined;
  /** Where SES runs, for the Message-ID that it writes. */
  readonly region: string;
}

/** What a receipt says; recipients of the same status share one. */
export interface ReportedStatus {
  readonly address: string;
  readonly status: DeliveryStatus;
}

/** As few receipts as tell all of the statuses, each small enough for a message of SQS. */
export function toReceipts(subject: ReceiptSubject, told: readonly ReportedStatus[]): Receipt[] {
  const groups = new Map<string, ReportedStatus[]>();
  for (const one of told) {
    const { kind, at, sesMessageId, bounce, reason } = one.status;
    const key = JSON.stringify([kind, at, sesMessageId, bounce?.type, bounce?.subType, reason]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].flatMap((group) =>
    inParts(group).map((part) => receiptOf(subject, part[0].status, part)),
  );
}

/** What a receipt adds to the statuses of a delivery. An address that it names twice has the later of its statuses. */
export function toStatuses(receipt: Receipt): RecipientStatuses {
  const { kind, at, sesMessageId, bounce, reason } = receipt;
  return receipt.recipients.reduce<RecipientStatuses>(
    (statuses, { address, smtpResponse, enhancedStatus }) => {
      const status = { kind, at, sesMessageId, bounce, reason, smtpResponse, enhancedStatus };
      return mergeStatuses(statuses, { [addressKey(address)]: withoutUndefined(status) });
    },
    {},
  );
}

/** SES replaces the Message-ID of a mail: https://docs.aws.amazon.com/ses/latest/dg/header-fields.html */
export function toSmtpMessageId(sesMessageId: string, region: string): string {
  // us-east-1 was the first Region, and its message ids carry no Region.
  return `<${sesMessageId}@${region === 'us-east-1' ? 'email' : region}.amazonses.com>`;
}

function receiptOf(
  { id, tenantId, region }: ReceiptSubject,
  status: DeliveryStatus,
  told: readonly ReportedStatus[],
): Receipt {
  const { kind, at, sesMessageId, bounce, reason } = status;
  return withoutUndefined({
    version: RECEIPT_VERSION,
    id,
    tenantId,
    kind,
    at,
    sesMessageId,
    messageId: sesMessageId === undefined ? undefined : toSmtpMessageId(sesMessageId, region),
    bounce: bounce === undefined ? undefined : { ...bounce },
    reason,
    recipients: told.map(({ address, status: { smtpResponse, enhancedStatus } }) =>
      withoutUndefined({ address, smtpResponse, enhancedStatus }),
    ),
  });
}

/** Never empty ones. */
function inParts(group: readonly ReportedStatus[]): [ReportedStatus, ...ReportedStatus[]][] {
  const parts: [ReportedStatus, ...ReportedStatus[]][] = [];
  for (const one of group) {
    const part = parts.at(-1);
    if (part === undefined || part.length >= MAX_RECIPIENTS_OF_RECEIPT) parts.push([one]);
    else part.push(one);
  }
  return parts;
}

function withoutUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

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
import { enhancedStatus, serverResponse } from './failure.ts';
import { addressSchema, deliveryIdentitySchema, tenantSchema, timestampSchema } from './fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from './limits.ts';
import { describeIssues } from './problems.ts';

/**
 * The contract of the receipt, version 1: the delivery status that the pipeline reports back to the API. It
 * is published as docs/contract/receipt.v1.schema.json. Receipts may be late, duplicated and out of order; if
 * two are about one recipient, `mergeStatus` decides. Unknown fields are ignored.
 */
const RECEIPT_VERSION = 1;

/** With this many, a receipt fits into an SQS message whatever the servers responded. */
const MAX_RECIPIENTS_OF_RECEIPT = 100;

const { id } = deliveryIdentitySchema.entries;

const word = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/, 'up to 200 printable ASCII characters'));

const recipient = v.object({
  address: v.pipe(addressSchema, v.description('The recipient.')),
  smtpResponse: v.optional(v.pipe(serverResponse, v.description("The response of the recipient's server."))),
  enhancedStatus: v.optional(
    v.pipe(enhancedStatus, v.description('The enhanced status code (RFC 3463), such as 5.1.1.')),
  ),
});

export const receiptSchema = v.object({
  version: v.pipe(v.literal(RECEIPT_VERSION), v.description('The version of this contract.')),
  id,
  tenantId: v.optional(
    v.pipe(tenantSchema, v.description('The tenant of the delivery, as it was handed over.')),
  ),
  kind: v.pipe(v.picklist(STATUS_KINDS), v.description('What became of the mail for these recipients.')),
  at: v.pipe(timestampSchema, v.description('When it happened.')),
  sesMessageId: v.optional(
    v.pipe(word, v.description('The message id of SES; absent if SES never accepted the mail.')),
  ),
  messageId: v.optional(
    v.pipe(
      word,
      v.description('The Message-ID header that recipients see and replies refer to: SES writes its own.'),
    ),
  ),
  /** https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
  bounce: v.optional(
    v.pipe(
      v.object({
        type: v.pipe(v.picklist(BOUNCE_TYPES), v.description('Whether it is for ever.')),
        subType: v.pipe(word, v.description('What SES says beside the type.')),
      }),
      v.description('Only of a bounce: how SES classifies it.'),
    ),
  ),
  reason: v.optional(
    v.pipe(
      word,
      v.description(
        'A stable code: the cause of a dead letter, why it was suppressed, or the kind of complaint.',
      ),
    ),
  ),
  recipients: v.pipe(
    v.array(recipient),
    v.minLength(1, 'at least one recipient'),
    v.maxLength(MAX_RECIPIENTS_OF_RECEIPT, `at most ${MAX_RECIPIENTS_OF_RECEIPT} recipients`),
    v.description('Those whom it is about. A mail to many may have several receipts of a kind.'),
  ),
});

export type Receipt = v.InferOutput<typeof receiptSchema>;

export type ParsedReceipt =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** Reads the body of an SQS message. Never throws; `detail` contains none of its values. */
export function parseReceipt(text: string): ParsedReceipt {
  if (Buffer.byteLength(text) > MAX_QUEUE_MESSAGE_BYTES) {
    return { kind: 'unreadable', detail: 'larger than a message of SQS' };
  }
  const parsed = v.safeParse(receiptSchema, parseJson(text), { abortPipeEarly: true, abortEarly: true });
  return parsed.success
    ? { kind: 'receipt', receipt: parsed.output }
    : { kind: 'unreadable', detail: describeIssues(parsed.issues) };
}

/** Serialises a receipt for SQS, which accepts only XML 1.0 characters. */
export function serialiseReceipt(receipt: Receipt): string {
  return JSON.stringify(receipt).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

/** The delivery of a receipt, and the Region for its Message-ID. */
export interface ReceiptSubject {
  readonly id: string;
  readonly tenantId?: string | undefined;
  /** The SES Region, part of the Message-ID that SES writes. */
  readonly region: string;
}

/** The status of one recipient; recipients of the same status share a receipt. */
export interface ReportedStatus {
  readonly address: string;
  readonly status: DeliveryStatus;
}

/** As few receipts as possible for all statuses, each small enough for an SQS message. */
export function toReceipts(subject: ReceiptSubject, reported: readonly ReportedStatus[]): Receipt[] {
  const groups = new Map<string, ReportedStatus[]>();
  for (const one of reported) {
    const { kind, at, sesMessageId, bounce, reason } = one.status;
    const key = JSON.stringify([kind, at, sesMessageId, bounce?.type, bounce?.subType, reason]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].flatMap((group) =>
    chunk(group).map((part) => receiptOf(subject, part[0].status, part)),
  );
}

/** The statuses in a receipt. If it names an address twice, its statuses are merged. */
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
  // Message ids of us-east-1, the first Region, have no Region.
  return `<${sesMessageId}@${region === 'us-east-1' ? 'email' : region}.amazonses.com>`;
}

function receiptOf(
  { id, tenantId, region }: ReceiptSubject,
  status: DeliveryStatus,
  reported: readonly ReportedStatus[],
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
    recipients: reported.map(({ address, status: { smtpResponse, enhancedStatus } }) =>
      withoutUndefined({ address, smtpResponse, enhancedStatus }),
    ),
  });
}

/** Without empty chunks. */
function chunk(group: readonly ReportedStatus[]): [ReportedStatus, ...ReportedStatus[]][] {
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

import * as v from 'valibot';
import { addressKey } from '../../domain/address.ts';
import {
  type DeliveryStatus,
  isSameStatus,
  mergeStatus,
  STATUS_KINDS,
} from '../../domain/delivery-status.ts';
import { readStoredStatus, readStoredStatuses } from '../../domain/delivery-trace.ts';
import { type Receipt, toStatuses } from '../../domain/receipt.ts';
import { type RecipientCounts, RecipientTally, type SesState, sesStateOf } from '../../domain/ses-state.ts';
import type { ReceiptResult } from '../../ports/outbox.ts';
import {
  arrayOf,
  hasSesState,
  isState,
  isWaiting,
  type RowForReceipts,
  STATE_FROM_RECEIPTS,
  searchedIds,
  textsIn,
} from './apply-receipts.ts';
import { storable, storableJson } from './storable-json.ts';

/**
 * A delivery that was handed over for more recipients has their statuses in `outbound_recipients`, a row for
 * each: in its trace, each receipt would rewrite all of them. What the state depends on is kept as counts in the
 * delivery's row, so that a receipt costs the same for any number of recipients. At about this number both ways
 * write equally much to PostgreSQL's log (`npm run bench:receipts`).
 */
const MAX_TRACED_RECIPIENTS = 100;

/** Whether receipts of this row are for `applyToMany`. */
export function hasManyRecipients(row: RowForReceipts): boolean {
  if (row.tooLarge || isWaiting(row)) return false;
  return row.counts !== null || keysIn(row.handedOver).size > MAX_TRACED_RECIPIENTS;
}

/** The recipients that must be read for these receipts; all of them (null) if they must be counted first. */
export function recipientsToRead(row: RowForReceipts, receipts: readonly Receipt[]): string[] | null {
  if (countsOf(row) === undefined) return null;
  return receipts.flatMap(({ recipients }) => recipients.map(({ address }) => addressKey(address)));
}

/** A row of `outbound_recipients`; its JSON as text. */
export interface RecipientRow {
  readonly recipient: string;
  readonly handedOver: boolean;
  readonly status: string | null;
  readonly messageIds: readonly string[];
}

/** `$1` the delivery, `$2` the recipients, or null for all. */
export const READ_RECIPIENTS = `
SELECT recipient, handed_over AS "handedOver", status::text AS status, message_ids AS "messageIds"
FROM outbound_recipients
WHERE delivery_id = $1 AND ($2::text[] IS NULL OR recipient = ANY ($2::text[]))`;

export type ManyResult =
  | { readonly kind: 'settled'; readonly results: readonly ReceiptResult[] }
  /** The results apply once the change is written. */
  | { readonly kind: 'many'; readonly change: ManyChange; readonly results: readonly ReceiptResult[] }
  /** The counts depend on recipients that were not read. */
  | { readonly kind: 'read-all' };

/** The changes to a delivery with many recipients. */
export interface ManyChange {
  readonly id: string;
  /** The version that was read. */
  readonly version: string;
  readonly counts: RecipientCounts;
  readonly recipients: ReadonlyMap<string, Recipient>;
  /** The recipients whose statuses leave the trace. */
  readonly untraced: readonly string[];
  /** Absent if receipts do not determine the state. */
  readonly state?: SesState | undefined;
}

interface Recipient {
  readonly handedOver: boolean;
  readonly status?: DeliveryStatus | undefined;
  /** The Message-ID headers that it sees, sorted. */
  readonly messageIds: readonly string[];
}

/**
 * Computes what receipts change in the recipients of a delivery, and in its state.
 *
 * The counts hold as long as no one else has written the delivery's row. After that (a further hand-over, a
 * requeue, a worker of an earlier version, which writes the trace) the recipients are taken from the trace and
 * the table again, and counted anew.
 *
 * @param read as `recipientsToRead` demands, or all
 * @param isAll whether all were read
 */
export function applyToMany(
  row: RowForReceipts,
  read: readonly RecipientRow[],
  isAll: boolean,
  receipts: readonly Receipt[],
): ManyResult {
  const known = isAll ? undefined : countsOf(row);
  const recipients = new Map(read.map((one) => [one.recipient, recipientOf(one)]));
  const changed = new Map<string, Recipient>();
  const set = (key: string, recipient: Recipient) => {
    recipients.set(key, recipient);
    changed.set(key, recipient);
  };
  const untraced = known === undefined ? takeFromTrace(row, recipients, set) : [];
  const tally = known === undefined ? undefined : new RecipientTally(known);
  const results: ReceiptResult[] = [];
  for (const receipt of receipts.map(storable)) {
    let result: ReceiptResult = 'unchanged';
    for (const [key, news] of Object.entries(toStatuses(receipt))) {
      const before = recipients.get(key) ?? { handedOver: false, messageIds: [] };
      const status = mergeStatus(before.status ?? news, news);
      const messageIds = withId(before.messageIds, receipt.messageId);
      const isNews = before.status === undefined || !isSameStatus(before.status, status);
      if (!isNews && messageIds === before.messageIds) continue;
      result = 'entered';
      set(key, { ...before, status, messageIds });
      if (tally === undefined || !isNews || !before.handedOver) continue;
      if (!tally.replace(key, before.status, status)) return { kind: 'read-all' };
    }
    results.push(result);
  }
  const counts = tally?.counts() ?? countAll(row, recipients);
  const state = hasSesState(row) ? sesStateOf(counts) : undefined;
  const isOpen = changed.size > 0 || known === undefined || (state !== undefined && !isState(row, state));
  if (!isOpen) return { kind: 'settled', results };
  const { id, version } = row;
  return { kind: 'many', results, change: { id, version, counts, recipients: changed, untraced, state } };
}

/** @returns the recipients whose statuses were in the trace */
function takeFromTrace(
  row: RowForReceipts,
  recipients: ReadonlyMap<string, Recipient>,
  set: (key: string, recipient: Recipient) => void,
): string[] {
  for (const key of keysIn(row.handedOver)) {
    const before = recipients.get(key);
    if (before?.handedOver !== true) set(key, { messageIds: [], ...before, handedOver: true });
  }
  const traced = Object.entries(readStoredStatuses(row.statuses === null ? null : JSON.parse(row.statuses)));
  for (const [key, status] of traced) {
    const before = recipients.get(key) ?? { handedOver: false, messageIds: [] };
    set(key, { ...before, status: mergeStatus(before.status ?? status, status) });
  }
  return traced.map(([key]) => key);
}

function countAll(row: RowForReceipts, recipients: ReadonlyMap<string, Recipient>): RecipientCounts {
  const handedOver = [...recipients].filter(([, recipient]) => recipient.handedOver);
  const all = new Set([...handedOver.map(([key]) => key), ...keysIn(row.takenBySmtp)]).size;
  const tally = new RecipientTally({
    // If the attempts were not read, they are the same as when it was counted last.
    recipients: countsOf(row)?.recipients ?? all,
    handedOver: handedOver.length,
    statuses: {},
    losses: [],
  });
  for (const [key, { status }] of handedOver) if (status !== undefined) tally.replace(key, undefined, status);
  return tally.counts();
}

function recipientOf({ handedOver, status, messageIds }: RecipientRow): Recipient {
  return { handedOver, messageIds, status: readStoredStatus(status === null ? null : JSON.parse(status)) };
}

function withId(ids: readonly string[], id: string | undefined): readonly string[] {
  return id === undefined || ids.includes(id) ? ids : [...ids, id].sort();
}

function keysIn(json: string | null): Set<string> {
  return new Set(textsIn(arrayOf(json)).map(addressKey));
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const countsSchema = v.object({
  recipients: count,
  handedOver: count,
  statuses: v.record(v.picklist(STATUS_KINDS), count),
  losses: v.array(
    v.object({
      reason: v.string(),
      count,
      first: v.string(),
      response: v.optional(v.object({ recipient: v.string(), text: v.string() })),
    }),
  ),
  lastDeliveredAt: v.optional(v.string()),
});

/** Undefined if there are none, or another version wrote them. */
function countsOf({ counts }: RowForReceipts): RecipientCounts | undefined {
  if (counts === null) return undefined;
  const parsed = v.safeParse(countsSchema, JSON.parse(counts));
  return parsed.success ? parsed.output : undefined;
}

export function manyParameters(changes: readonly ManyChange[]): unknown[] {
  return [
    storableJson(
      changes.map(({ id, version, counts, recipients, untraced, state }) => ({
        id,
        version,
        counts,
        untraced,
        recipients: [...recipients].map(([recipient, { handedOver, status, messageIds }]) => ({
          recipient,
          handed_over: handedOver,
          status,
          message_ids: messageIds,
        })),
        search_message_ids: searchedIds([...recipients.values()].flatMap(({ messageIds }) => messageIds)),
        status: state?.status,
        last_error: state?.lastError,
        delivered_at: state?.deliveredAt,
      })),
    ),
  ];
}

/**
 * Writes changes to deliveries that are unchanged since they were read, and returns their ids; the others must
 * be read again. Skips rows that another session has locked. The trace is not written, except when statuses
 * leave it: PostgreSQL then keeps it where it is, whatever its size. The counts name the transaction that wrote
 * them, so that they are seen to be old once another has written the row.
 */
export const CHANGE_MANY = `
WITH told AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS told (
    id text, version text, counts jsonb, untraced text[], recipients jsonb, search_message_ids text[], status text,
    last_error text, delivered_at timestamptz
  )
),
found AS (
  SELECT told.*
  FROM told
  JOIN outbound_deliveries AS d ON d.id = told.id
  WHERE d.xmin::text = told.version
  ORDER BY d.id
  FOR UPDATE OF d SKIP LOCKED
),
entered AS (
  INSERT INTO outbound_recipients (delivery_id, recipient, handed_over, status, message_ids)
  SELECT found.id, one.recipient, one.handed_over, one.status, one.message_ids
  FROM found
  CROSS JOIN LATERAL jsonb_to_recordset(found.recipients)
    AS one (recipient text, handed_over boolean, status jsonb, message_ids text[])
  ON CONFLICT (delivery_id, recipient) DO UPDATE SET
    handed_over = EXCLUDED.handed_over,
    status = EXCLUDED.status,
    message_ids = EXCLUDED.message_ids
)
UPDATE outbound_deliveries AS d SET
  ${STATE_FROM_RECEIPTS},
  search_message_ids = CASE
    WHEN found.search_message_ids IS NULL OR found.search_message_ids <@ d.search_message_ids THEN d.search_message_ids
    ELSE ARRAY(SELECT DISTINCT unnest(d.search_message_ids || found.search_message_ids))
  END,
  recipient_counts = counts || jsonb_build_object('writtenBy', pg_current_xact_id()::xid::text),
  delivery_trace = CASE
    WHEN cardinality(untraced) = 0 THEN d.delivery_trace
    WHEN (d.delivery_trace -> 'recipients') - untraced = '{}' THEN d.delivery_trace - 'recipients'
    ELSE jsonb_set(d.delivery_trace, '{recipients}', (d.delivery_trace -> 'recipients') - untraced)
  END
FROM found
WHERE d.id = found.id
RETURNING d.id`;

import { addressKey } from '../../domain/address.ts';
import type { RecipientStatuses } from '../../domain/delivery-status.ts';
import {
  changedStatuses,
  type ReportedStatuses,
  readStoredStatuses,
  renameStatuses,
  withReceipt,
} from '../../domain/delivery-trace.ts';
import type { Receipt } from '../../domain/receipt.ts';
import { deriveSesState, type SesState } from '../../domain/ses-state.ts';
import type { ReceiptResult, TraceAttempt } from '../../ports/outbox.ts';
import { MAX_STORED_MAIL_BYTES, pendingRecipients } from './claim.ts';
import { storable, storableJson } from './storable-json.ts';

export type RowResult =
  /** Nothing to write. */
  | { readonly kind: 'settled'; readonly results: readonly ReceiptResult[] }
  /** The results apply once the change is written. */
  | { readonly kind: 'change'; readonly change: RowChange; readonly results: readonly ReceiptResult[] };

/**
 * Computes what receipts of one delivery change in its row.
 *
 * A row may lack the hand-over to SES: the queue accepted the mail, but its response was lost or the worker
 * crashed. Then the receipts prove the hand-over. If they name all recipients that the row owes, the row
 * counts as handed over. If they name only some, or a worker has leased the row, only the statuses are
 * written: the next worker skips those recipients, and the receipts are redelivered until the row is
 * completed.
 *
 * SMTP may have accepted a mail that the mail server could not deliver, and gave to the relay behind it. Then receipts come
 * for recipients that the row says SMTP has: from then on, they count as handed over.
 *
 * @param workerId written to the trace with a proven hand-over
 */
export function applyReceipts(
  row: RowForReceipts | undefined,
  receipts: readonly Receipt[],
  workerId: string,
): RowResult {
  if (row === undefined) return settled(receipts, 'gone');
  const handedOver = textsIn(arrayOf(row.handedOver));
  // A completion will record who was handed over, and would overwrite a state from here.
  if (isWaiting(row) && (row.tooLarge || handedOver.length > 0)) return settled(receipts, 'too-early');
  if (row.tooLarge) return settled(receipts, 'refused');
  const stored = readStoredStatuses(parse(row.statuses));
  const merged = mergeReceipts(row, stored, receipts);
  if (handedOver.length === 0 && !row.leased && (row.status === 'queued' || row.status === 'failed')) {
    const proven = provenRecipients(row, merged.all);
    if (proven.length > 0)
      return changed(row, merged, stateOf(row, merged.all, proven), handOver(proven, workerId));
  }
  if (isWaiting(row)) {
    const proof = mergeReceipts(row, stored, receipts.filter(isProof));
    const results = receipts.map((): ReceiptResult => 'too-early');
    return proof.isNews ? { ...changed(row, proof), results } : { kind: 'settled', results };
  }
  const rescued = rescuedRecipients(row, receipts, handedOver);
  if (rescued.length > 0) {
    const state = stateOf(row, merged.all, [...handedOver, ...rescued]);
    return changed(row, merged, state, handOver(rescued, workerId, RESCUED));
  }
  const state = hasSesState(row) ? stateOf(row, merged.all, handedOver) : undefined;
  if (!merged.isNews && (state === undefined || isState(row, state))) {
    return { kind: 'settled', results: merged.results };
  }
  return changed(row, merged, state);
}

/** A worker has it, or will claim it. */
export function isWaiting({ leased, status }: RowForReceipts): boolean {
  return leased || status === 'queued';
}

/** The content of a row after receipts are applied. */
interface MergedReceipts {
  readonly news: RecipientStatuses;
  readonly all: RecipientStatuses;
  readonly messageIds: readonly unknown[];
  readonly results: readonly ReceiptResult[];
  readonly isNews: boolean;
}

/** Looks only at the recipients that the receipts name. */
function mergeReceipts(
  row: RowForReceipts,
  stored: RecipientStatuses,
  receipts: readonly Receipt[],
): MergedReceipts {
  const ids = arrayOf(row.messageIds);
  const named = receipts.flatMap(({ recipients }) => recipients.map(({ address }) => addressKey(address)));
  const before: ReportedStatuses = { statuses: renameStatuses(stored, named), messageIds: textsIn(ids) };
  let reported = before;
  const results = receipts.map((receipt): ReceiptResult => {
    const known = reported;
    reported = withReceipt(known, storable(receipt));
    return reported === known ? 'unchanged' : 'entered';
  });
  const news = changedStatuses(before.statuses, reported.statuses);
  const odd = ids.filter((entry) => typeof entry !== 'string');
  return {
    news,
    all: { ...stored, ...news },
    messageIds: [...reported.messageIds, ...odd],
    results,
    isNews: reported !== before,
  };
}

function changed(
  { id, version }: RowForReceipts,
  { news: statuses, messageIds, results }: MergedReceipts,
  state?: SesState,
  handOver?: RowChange['handOver'],
): RowResult {
  return {
    kind: 'change',
    results,
    change: { id, version, statuses: statuses, messageIds, state, handOver },
  };
}

function settled(receipts: readonly Receipt[], result: ReceiptResult): RowResult {
  return { kind: 'settled', results: receipts.map(() => result) };
}

/** An SES message id proves that SES accepted the mail. */
function isProof({ sesMessageId }: { readonly sesMessageId?: string | undefined }): boolean {
  return sesMessageId !== undefined;
}

/** All recipients that the row owes, if SES provably has all of them; else none. */
function provenRecipients(row: RowForReceipts, statuses: RecipientStatuses): string[] {
  const owed = pendingRecipients(row.owed);
  const recipients = owed.length > 0 ? owed : textsIn(arrayOf(row.refused));
  const isProven = recipients.every((address) => {
    const key = addressKey(address);
    return Object.hasOwn(statuses, key) && isProof(statuses[key] ?? {});
  });
  return isProven ? recipients : [];
}

/** The recipients of these receipts that SMTP had accepted, and that nothing was handed over for from here. */
function rescuedRecipients(
  row: RowForReceipts,
  receipts: readonly Receipt[],
  handedOver: readonly string[],
): string[] {
  const isBySmtp = row.provider === 'smtp' && row.status === 'delivered';
  if (!isBySmtp && !hasSesState(row)) return [];
  const known = new Set(handedOver.map(addressKey));
  const taken = new Map(
    textsIn(arrayOf(row.takenBySmtp)).map((address) => [addressKey(address), address] as const),
  );
  const named = new Set(
    receipts.flatMap(({ recipients }) => recipients.map(({ address }) => addressKey(address))),
  );
  return [...taken].filter(([key]) => named.has(key) && !known.has(key)).map(([, address]) => address);
}

/** Why the trace of a mail that SMTP had accepted goes on. */
const RESCUED = 'SMTP had accepted it; receipts tell that it was handed over after that';

function handOver(
  recipients: readonly string[],
  worker: string,
  reason = 'receipts tell that SES has it',
): NonNullable<RowChange['handOver']> {
  return { outcome: 'handed-over', durationMs: 0, worker, reason, queue: { recipients } };
}

const SES_STATES: readonly (string | null)[] = ['sending', 'delivered', 'failed'];

/** Rows that SMTP accepted (unless {@link rescuedRecipients} says more), that wait for an operator or that have the API's own states keep their state. */
export function hasSesState({ provider, status }: RowForReceipts): boolean {
  return provider === 'ses' && SES_STATES.includes(status);
}

function stateOf(
  row: RowForReceipts,
  statuses: RecipientStatuses,
  handedOver: readonly string[],
): SesState | undefined {
  return deriveSesState(statuses, { handedOver, takenBySmtp: textsIn(arrayOf(row.takenBySmtp)) });
}

export function isState(row: RowForReceipts, { status, lastError, deliveredAt }: SesState): boolean {
  return (
    row.status === status &&
    row.lastError === (lastError ?? null) &&
    (row.deliveredAtMs === null ? null : Math.round(row.deliveredAtMs)) ===
      (deliveredAt === undefined ? null : Date.parse(deliveredAt))
  );
}

/** A value that is not a list counts as a list of itself, as with attempts. */
export function arrayOf(json: string | null): unknown[] {
  const value = parse(json);
  if (value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function textsIn(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string');
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

/** The columns that receipts need. JSON comes as text; the mail, which a trace may hold, is not fetched. */
export interface RowForReceipts {
  readonly id: string;
  /** Changes with each change of the row. */
  readonly version: string;
  readonly status: string | null;
  readonly provider: string | null;
  /** A worker has it, or had it and no other worker has taken over yet. */
  readonly leased: boolean;
  readonly lastError: string | null;
  readonly deliveredAtMs: number | null;
  /** The trace is larger than anything the worker writes, and was not read. */
  readonly tooLarge: boolean;
  /** Counts over many recipients, by the row's last writer; then the trace was not read. */
  readonly counts: string | null;
  readonly statuses: string | null;
  readonly messageIds: string | null;
  readonly handedOver: string | null;
  readonly takenBySmtp: string | null;
  readonly owed: string | null;
  /** The owed recipients at the time of the refusal. */
  readonly refused: string | null;
}

/** By the ids in `$1`. Takes no row locks and does not wait for any. */
export const READ_FOR_RECEIPTS = `
WITH found AS (
  SELECT
    *,
    xmin::text AS version,
    coalesce(pg_column_size(delivery_trace), 0) > ${MAX_STORED_MAIL_BYTES} AS large,
    coalesce(recipient_counts ->> 'writtenBy' = xmin::text, false) AS counted
  FROM outbound_deliveries
  WHERE id = ANY ($1::text[])
)
SELECT
  id,
  version,
  status,
  provider,
  -- Setting another status takes the row away from the worker.
  coalesce(status = 'sending', false) AND lease_owner IS NOT NULL AS leased,
  last_error AS "lastError",
  extract(epoch FROM delivered_at)::float8 * 1000 AS "deliveredAtMs",
  large AS "tooLarge",
  CASE WHEN counted THEN recipient_counts::text END AS counts,
  CASE WHEN NOT large AND NOT counted THEN (delivery_trace -> 'recipients')::text END AS statuses,
  CASE WHEN NOT large AND NOT counted THEN (delivery_trace -> 'messageIds')::text END AS "messageIds",
  CASE WHEN NOT large AND NOT counted THEN ${inAttempts('queue.recipients')} END AS "handedOver",
  CASE WHEN NOT large AND NOT counted THEN ${inAttempts('smtp.recipients')} END AS "takenBySmtp",
  to_json(owed_recipients)::text AS owed,
  CASE WHEN NOT large AND NOT counted THEN ${inAttempts('owed')} END AS refused
FROM found`;

/** In lax mode of SQL/JSON paths, a trace of any other shape yields no recipients. */
function inAttempts(list: 'queue.recipients' | 'smtp.recipients' | 'owed'): string {
  return `jsonb_path_query_array(delivery_trace, '$.attempts[*].${list}[*]')::text`;
}

/** The changes to a row by receipts. */
export interface RowChange {
  readonly id: string;
  /** The version that was read. */
  readonly version: string;
  /** Only new ones. */
  readonly statuses: RecipientStatuses;
  /** All message ids. */
  readonly messageIds: readonly unknown[];
  /** Absent if receipts do not determine the state. */
  readonly state?: SesState | undefined;
  /** A hand-over that was not recorded, and that these receipts prove. */
  readonly handOver?: Omit<TraceAttempt, 'at'> | undefined;
}

export function changeParameters(changes: readonly RowChange[]): unknown[] {
  return [
    storableJson(
      changes.map(({ id, version, statuses, messageIds, state, handOver }) => ({
        id,
        version,
        statuses,
        message_ids: messageIds,
        search_message_ids: searchedIds(textsIn(messageIds)),
        reported: Object.keys(statuses).map((address) => address.slice(0, MAX_SEARCHED_CHARACTERS)),
        status: state?.status,
        last_error: state?.lastError,
        delivered_at: state?.deliveredAt,
        hand_over: handOver,
      })),
    ),
  ];
}

/** An entry of an index has a limit; the ids of SES have 60 characters. */
const MAX_SEARCHED_CHARACTERS = 200;

/** What an operator finds a mail by: Message-ID headers without the domain that SES adds. Undefined if there is none. */
export function searchedIds(messageIds: readonly string[]): string[] | undefined {
  const ids = new Set(messageIds.map((id) => localPartOf(id).slice(0, MAX_SEARCHED_CHARACTERS)));
  ids.delete('');
  return ids.size === 0 ? undefined : [...ids];
}

/** What stands before the domain of a Message-ID, with or without its angle brackets. */
export function localPartOf(messageId: string): string {
  return messageId.replaceAll(/[<>\s]/g, '').replace(/@[^@]*$/, '');
}

/** Writes the state of `found`, if receipts determine one. */
export const STATE_FROM_RECEIPTS = `status = coalesce(found.status, d.status),
  last_error = CASE WHEN found.status IS NULL THEN d.last_error ELSE found.last_error END,
  delivered_at = CASE WHEN found.status IS NULL THEN d.delivered_at ELSE found.delivered_at END,
  lease_owner = CASE WHEN found.status IS NULL THEN d.lease_owner END,
  lease_until = CASE WHEN found.status IS NULL THEN d.lease_until END,
  lease_route = CASE WHEN found.status IS NULL THEN d.lease_route END,
  updated_at = now()`;

/** The time of a hand-over proven by receipts, in the format of attempts. */
const NOW = `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Writes changes to rows that are unchanged since they were read, and returns their ids; the others must be
 * read again. Skips rows that another session has locked. The trace is append-only, as in a completion:
 * `recipients` that is not an object is kept under `previousRecipients`. A worker that had a lease on the row
 * does not overwrite a state from here.
 */
export const CHANGE_BY_RECEIPTS = `
WITH told AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS told (
    id text, version text, statuses jsonb, message_ids jsonb, search_message_ids text[], reported text[],
    status text, last_error text, delivered_at timestamptz,
    hand_over jsonb
  )
),
found AS (
  SELECT
    told.*,
    CASE coalesce(jsonb_typeof(d.delivery_trace), 'null')
      WHEN 'object' THEN d.delivery_trace
      WHEN 'null' THEN '{}'
      ELSE jsonb_build_object('previous', d.delivery_trace)
    END AS trace
  FROM told
  JOIN outbound_deliveries AS d ON d.id = told.id
  WHERE d.xmin::text = told.version
  ORDER BY d.id
  FOR UPDATE OF d SKIP LOCKED
)
UPDATE outbound_deliveries AS d SET
  ${STATE_FROM_RECEIPTS},
  provider = CASE WHEN hand_over IS NULL THEN d.provider ELSE 'ses' END,
  next_retry_at = CASE WHEN hand_over IS NULL THEN d.next_retry_at END,
  search_message_ids = coalesce(found.search_message_ids, d.search_message_ids),
  -- A mail server may have passed the mail on to others than its recipients.
  search_addresses = CASE
    WHEN reported <@ (d.search_addresses || lower(d.target_address)) THEN d.search_addresses
    ELSE ARRAY(
      SELECT DISTINCT one FROM unnest(d.search_addresses || reported) AS one WHERE one <> lower(coalesce(d.target_address, ''))
    )
  END,
  delivery_trace = trace
    || CASE
      WHEN coalesce(jsonb_typeof(trace -> 'recipients'), 'null') IN ('object', 'null') THEN '{}'
      ELSE jsonb_build_object('previousRecipients', trace -> 'recipients')
    END
    || jsonb_build_object(
      'recipients',
      CASE jsonb_typeof(trace -> 'recipients') WHEN 'object' THEN trace -> 'recipients' ELSE '{}' END || statuses,
      'messageIds',
      message_ids
    )
    || CASE
      WHEN hand_over IS NULL THEN '{}'
      ELSE jsonb_build_object(
        'attempts',
        CASE
          WHEN NOT trace ? 'attempts' THEN '[]'
          WHEN jsonb_typeof(trace -> 'attempts') = 'array' THEN trace -> 'attempts'
          ELSE jsonb_build_array(trace -> 'attempts')
        END || jsonb_build_array(jsonb_build_object('at', ${NOW}) || hand_over)
      )
    END
FROM found
WHERE d.id = found.id
RETURNING d.id`;

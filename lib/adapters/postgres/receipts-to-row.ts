import { addressKey } from '../../message/address.ts';
import type { Fates } from '../../message/fate.ts';
import type { Receipt } from '../../message/receipt.ts';
import { type SesState, sesStateOf } from '../../message/ses-state.ts';
import { readStoredFates } from '../../message/stored-fates.ts';
import { changedFates, fatesNamed, type ToldFates, withReceipt } from '../../message/told-fates.ts';
import type { ReceiptResult } from '../../ports/receipt-book.ts';
import { owedOf } from './claimed-row.ts';
import type { RowChange, RowForReceipts } from './receipt-queries.ts';
import { storable } from './storable-json.ts';

export type RowVerdict =
  /** Nothing is to be written. */
  | { readonly kind: 'settled'; readonly results: readonly ReceiptResult[] }
  /** The results hold once the change is written. */
  | { readonly kind: 'change'; readonly change: RowChange; readonly results: readonly ReceiptResult[] };

/**
 * What receipts of one delivery change in its row.
 *
 * A row may not know that SES has its mail: the queue took it, and its answer was lost, or the worker died. Then the
 * receipts are the hand-over. Where they name all recipients that the row owes, it is in the hands of SES from here
 * on. Where they name some, or a worker has the row, the fates alone are written: who claims it next leaves those
 * recipients out, and the receipts come again until the row is settled.
 *
 * @param workerId stands in the trace, where a hand-over is noted
 */
export function receiptsToRow(
  row: RowForReceipts | undefined,
  receipts: readonly Receipt[],
  workerId: string,
): RowVerdict {
  if (row === undefined) return settled(receipts, 'gone');
  const isWaiting = row.leased || row.status === 'queued';
  const handedOver = textsIn(arrayOf(row.handedOver));
  // A settlement will say who was handed over, and would write over a state from here.
  if (isWaiting && (row.tooLarge || handedOver.length > 0)) return settled(receipts, 'too-early');
  if (row.tooLarge) return settled(receipts, 'refused');
  const stored = readStoredFates(parse(row.fates));
  const told = tell(row, stored, receipts);
  if (handedOver.length === 0 && !row.leased && (row.status === 'queued' || row.status === 'failed')) {
    const proven = provenRecipients(row, told.all);
    if (proven.length > 0)
      return changed(row, told, stateOf(row, told.all, proven), handOver(proven, workerId));
  }
  if (isWaiting) {
    const proof = tell(row, stored, receipts.filter(isProof));
    const results = receipts.map((): ReceiptResult => 'too-early');
    return proof.isNews ? { ...changed(row, proof), results } : { kind: 'settled', results };
  }
  const state = isOfSes(row) ? stateOf(row, told.all, handedOver) : undefined;
  if (!told.isNews && (state === undefined || isState(row, state))) {
    return { kind: 'settled', results: told.results };
  }
  return changed(row, told, state);
}

/** What a row tells once receipts are entered. */
interface Told {
  readonly news: Fates;
  readonly all: Fates;
  readonly messageIds: readonly unknown[];
  readonly results: readonly ReceiptResult[];
  readonly isNews: boolean;
}

/** Looks at those recipients alone that the receipts name. */
function tell(row: RowForReceipts, stored: Fates, receipts: readonly Receipt[]): Told {
  const ids = arrayOf(row.messageIds);
  const named = receipts.flatMap(({ recipients }) => recipients.map(({ address }) => addressKey(address)));
  const before: ToldFates = { fates: fatesNamed(stored, named), messageIds: textsIn(ids) };
  let told = before;
  const results = receipts.map((receipt): ReceiptResult => {
    const known = told;
    told = withReceipt(known, storable(receipt));
    return told === known ? 'unchanged' : 'entered';
  });
  const news = changedFates(before.fates, told.fates);
  const odd = ids.filter((entry) => typeof entry !== 'string');
  return {
    news,
    all: { ...stored, ...news },
    messageIds: [...told.messageIds, ...odd],
    results,
    isNews: told !== before,
  };
}

function changed(
  { id, version }: RowForReceipts,
  { news: fates, messageIds, results }: Told,
  state?: SesState,
  handOver?: RowChange['handOver'],
): RowVerdict {
  return { kind: 'change', results, change: { id, version, fates, messageIds, state, handOver } };
}

function settled(receipts: readonly Receipt[], result: ReceiptResult): RowVerdict {
  return { kind: 'settled', results: receipts.map(() => result) };
}

/** An id of SES's own: it has taken the mail. */
function isProof({ sesMessageId }: { readonly sesMessageId?: string | undefined }): boolean {
  return sesMessageId !== undefined;
}

/** All recipients that the row owes, where each of them is known to be in the hands of SES; else none. */
function provenRecipients(row: RowForReceipts, fates: Fates): string[] {
  const owed = owedOf(row.owed);
  const recipients = owed.length > 0 ? owed : textsIn(arrayOf(row.refused));
  const isProven = recipients.every((address) => {
    const key = addressKey(address);
    return Object.hasOwn(fates, key) && isProof(fates[key] ?? {});
  });
  return isProven ? recipients : [];
}

function handOver(recipients: readonly string[], worker: string): NonNullable<RowChange['handOver']> {
  const reason = 'receipts tell that SES has it';
  return { outcome: 'handed-over', durationMs: 0, worker, reason, queue: { recipients } };
}

const STATES_OF_SES: readonly (string | null)[] = ['sending', 'delivered', 'failed'];

/** What SMTP took, what waits for a person and what the API calls by a name of its own keeps its state. */
function isOfSes({ provider, status }: RowForReceipts): boolean {
  return provider === 'ses' && STATES_OF_SES.includes(status);
}

function stateOf(row: RowForReceipts, fates: Fates, handedOver: readonly string[]): SesState | undefined {
  return sesStateOf(fates, { handedOver, takenBySmtp: textsIn(arrayOf(row.takenBySmtp)) });
}

function isState(row: RowForReceipts, { status, lastError, deliveredAt }: SesState): boolean {
  return (
    row.status === status &&
    row.lastError === (lastError ?? null) &&
    (row.deliveredAtMs === null ? null : Math.round(row.deliveredAtMs)) ===
      (deliveredAt === undefined ? null : Date.parse(deliveredAt))
  );
}

/** What is no list counts as a list of itself, as attempts do. */
function arrayOf(json: string | null): unknown[] {
  const value = parse(json);
  if (value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function textsIn(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string');
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

import type { Receipt } from '../../message/receipt.ts';
import { type SesState, sesStateOf } from '../../message/ses-state.ts';
import { readStoredFates } from '../../message/stored-fates.ts';
import { changedFates, type ToldFates, withReceipt } from '../../message/told-fates.ts';
import type { ReceiptResult } from '../../ports/receipt-book.ts';
import type { RowChange, RowForReceipts } from './receipt-queries.ts';
import { storable } from './storable-json.ts';

export type RowVerdict =
  /** Nothing is to be written. */
  | { readonly kind: 'settled'; readonly results: readonly ReceiptResult[] }
  /** The results hold once the change is written. */
  | { readonly kind: 'change'; readonly change: RowChange; readonly results: readonly ReceiptResult[] };

/** What receipts of one delivery change in its row. */
export function receiptsToRow(row: RowForReceipts | undefined, receipts: readonly Receipt[]): RowVerdict {
  if (row === undefined) return settled(receipts, 'gone');
  // A settlement will say who was handed over, and would write over a state from here.
  if (row.leased || row.status === 'queued') return settled(receipts, 'too-early');
  if (row.tooLarge) return settled(receipts, 'refused');
  const stored = arrayOf(row.messageIds);
  const before: ToldFates = { fates: readStoredFates(parse(row.fates)), messageIds: textsIn(stored) };
  let told = before;
  const results = receipts.map((receipt): ReceiptResult => {
    const known = told;
    told = withReceipt(known, storable(receipt));
    return told === known ? 'unchanged' : 'entered';
  });
  const state = stateOf(row, told);
  if (told === before && (state === undefined || isState(row, state))) return { kind: 'settled', results };
  const odd = stored.filter((entry) => typeof entry !== 'string');
  return {
    kind: 'change',
    results,
    change: {
      id: row.id,
      version: row.version,
      fates: changedFates(before.fates, told.fates),
      messageIds: [...told.messageIds, ...odd],
      state,
    },
  };
}

function settled(receipts: readonly Receipt[], result: ReceiptResult): RowVerdict {
  return { kind: 'settled', results: receipts.map(() => result) };
}

const STATES_OF_SES: readonly (string | null)[] = ['sending', 'delivered', 'failed'];

/** What SMTP took, what waits for a person and what the API calls by a name of its own keeps its state. */
function stateOf(row: RowForReceipts, { fates }: ToldFates): SesState | undefined {
  if (row.provider !== 'ses' || !STATES_OF_SES.includes(row.status)) return undefined;
  return sesStateOf(fates, {
    handedOver: textsIn(arrayOf(row.handedOver)),
    takenBySmtp: textsIn(arrayOf(row.takenBySmtp)),
  });
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

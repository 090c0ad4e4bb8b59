import { setTimeout as delay } from 'node:timers/promises';
import type { Receipt } from '../../domain/receipt.ts';
import type { ReceiptResult, ReceiptStore } from '../../ports/outbox.ts';
import { type Log, silentLog } from '../../ports/runtime.ts';
import {
  applyReceipts,
  CHANGE_BY_RECEIPTS,
  changeParameters,
  READ_FOR_RECEIPTS,
  type RowChange,
  type RowForReceipts,
  type RowResult,
} from './apply-receipts.ts';
import { ConnectionPool } from './connection.ts';
import { concernsAll, errorCode, OutboxUnavailableError } from './errors.ts';
import {
  applyToMany,
  CHANGE_MANY,
  hasManyRecipients,
  type ManyChange,
  type ManyResult,
  manyParameters,
  READ_RECIPIENTS,
  type RecipientRow,
  recipientsToRead,
} from './many-recipients.ts';
import type { PostgresSettings } from './postgres-settings.ts';

export interface PostgresReceiptStoreOptions extends PostgresSettings {
  /** For operators who look at connections and traces. */
  readonly workerId: string;
  /** @default logs nothing */
  readonly log?: Log;
}

/**
 * Pauses before retrying a row that another session has locked or just changed. Another worker finishes with
 * it quickly; if it takes longer, the receipt is redelivered later.
 */
const PAUSES_MS = [10, 50, 200, 500] as const;

type Verdict = RowResult | Exclude<ManyResult, { kind: 'read-all' }>;

/** A statement that writes changes, and returns the ids of those written. */
interface Entry<Change> {
  readonly text: string;
  readonly parameters: (changes: readonly Change[]) => unknown[];
}

const TRACED: Entry<RowChange> = { text: CHANGE_BY_RECEIPTS, parameters: changeParameters };
const MANY: Entry<ManyChange> = { text: CHANGE_MANY, parameters: manyParameters };

type WriteResult = 'written' | 'busy' | 'refused';

/**
 * Applies receipts to the rows of `outbound_deliveries`.
 *
 * A row is read, changed in memory and written only if it is unchanged since: no lock is held between
 * statements, so that a process killed in between leaves nothing behind.
 */
export class PostgresReceiptStore implements ReceiptStore {
  readonly #pool: ConnectionPool;
  readonly #log: Log;
  readonly #workerId: string;

  constructor(options: PostgresReceiptStoreOptions) {
    this.#pool = new ConnectionPool(
      { maxConnections: 1, ...options },
      `outbound ${options.workerId} (receipts)`,
    );
    this.#log = options.log ?? silentLog;
    this.#workerId = options.workerId;
  }

  async apply(receipts: readonly Receipt[]): Promise<readonly ReceiptResult[]> {
    const results = new Map<Receipt, ReceiptResult>();
    let open = await this.#applyOnce(receipts, results);
    for (const pauseMs of PAUSES_MS) {
      if (open.length === 0) break;
      await delay(pauseMs);
      open = await this.#applyOnce(open, results);
    }
    return receipts.map((receipt) => results.get(receipt) ?? 'too-early');
  }

  async ready(): Promise<void> {
    await this.#change([], TRACED);
    await this.#change([], MANY);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** @returns the receipts of rows that were locked or changed meanwhile */
  async #applyOnce(receipts: readonly Receipt[], results: Map<Receipt, ReceiptResult>): Promise<Receipt[]> {
    const ids = [...new Set(receipts.map(({ id }) => id))];
    const rows = await this.#pool.query<RowForReceipts>('read for receipts', READ_FOR_RECEIPTS, [ids]);
    const groups: { id: string; group: Receipt[]; verdict: Verdict }[] = [];
    for (const id of ids) {
      const group = receipts.filter((receipt) => receipt.id === id);
      const row = rows.find((candidate) => candidate.id === id);
      groups.push({ id, group, verdict: await this.#verdictOn(row, group) });
    }
    const verdicts = groups.map(({ verdict }) => verdict);
    const traced = verdicts.flatMap((verdict) => (verdict.kind === 'change' ? [verdict.change] : []));
    const many = verdicts.flatMap((verdict) => (verdict.kind === 'many' ? [verdict.change] : []));
    const written = new Map([...(await this.#write(traced, TRACED)), ...(await this.#write(many, MANY))]);
    return groups.flatMap(({ id, group, verdict }) => {
      const result = verdict.kind === 'settled' ? 'written' : written.get(id);
      if (result === 'busy') return group;
      group.forEach((receipt, index) => {
        results.set(receipt, result === 'refused' ? 'refused' : (verdict.results[index] ?? 'too-early'));
      });
      return [];
    });
  }

  /** A write between reading the row and its recipients changes the version of the row, so that it is noticed. */
  async #verdictOn(row: RowForReceipts | undefined, receipts: readonly Receipt[]): Promise<Verdict> {
    if (row === undefined || !hasManyRecipients(row)) return applyReceipts(row, receipts, this.#workerId);
    const wanted = recipientsToRead(row, receipts);
    const verdict = applyToMany(row, await this.#recipients(row, wanted), wanted === null, receipts);
    if (verdict.kind !== 'read-all') return verdict;
    const counted = applyToMany(row, await this.#recipients(row, null), true, receipts);
    if (counted.kind === 'read-all') throw new Error('all recipients were read, and could not be counted');
    return counted;
  }

  #recipients({ id }: RowForReceipts, wanted: readonly string[] | null): Promise<RecipientRow[]> {
    return this.#pool.query<RecipientRow>('read recipients', READ_RECIPIENTS, [id, wanted]);
  }

  /** If the database refuses one row (a trigger, a constraint), the others are written anyway. */
  async #write<Change extends { readonly id: string }>(
    changes: readonly Change[],
    entry: Entry<Change>,
  ): Promise<Map<string, WriteResult>> {
    const [first] = changes;
    if (first === undefined) return new Map();
    try {
      const written = await this.#change(changes, entry);
      return new Map(changes.map(({ id }) => [id, written.has(id) ? 'written' : 'busy']));
    } catch (error) {
      if (concernsAll(error)) throw error;
      if (changes.length === 1) return new Map([[first.id, this.#refused(first.id, error)]]);
      const alone: Map<string, WriteResult>[] = [];
      for (const change of changes) alone.push(await this.#write([change], entry));
      return new Map(alone.flatMap((result) => [...result]));
    }
  }

  async #change<Change>(
    changes: readonly Change[],
    { text, parameters }: Entry<Change>,
  ): Promise<Set<string>> {
    const rows = await this.#pool.query<{ id: string }>('enter receipts', text, parameters(changes));
    return new Set(rows.map(({ id }) => id));
  }

  /** After an unavailable lock or a statement timeout, a retry may succeed. */
  #refused(deliveryId: string, error: unknown): WriteResult {
    if (error instanceof OutboxUnavailableError) return 'busy';
    this.#log.error('receipt-refused-by-database', { deliveryId, code: errorCode(error) ?? 'unknown' });
    return 'refused';
  }
}

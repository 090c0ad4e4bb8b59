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
} from './apply-receipts.ts';
import type { PostgresSettings } from './connection.ts';
import { ConnectionPool } from './connection.ts';
import { concernsAll, errorCode, OutboxUnavailableError } from './errors.ts';

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
    await this.#change([]);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** @returns the receipts of rows that were locked or changed meanwhile */
  async #applyOnce(receipts: readonly Receipt[], results: Map<Receipt, ReceiptResult>): Promise<Receipt[]> {
    const ids = [...new Set(receipts.map(({ id }) => id))];
    const rows = await this.#pool.query<RowForReceipts>('read for receipts', READ_FOR_RECEIPTS, [ids]);
    const groups = ids.map((id) => {
      const group = receipts.filter((receipt) => receipt.id === id);
      const row = rows.find((candidate) => candidate.id === id);
      return { id, group, verdict: applyReceipts(row, group, this.#workerId) };
    });
    const changes = groups.flatMap(({ verdict }) => (verdict.kind === 'change' ? [verdict.change] : []));
    const written = await this.#write(changes);
    return groups.flatMap(({ id, group, verdict }) => {
      const result = verdict.kind === 'settled' ? 'written' : written.get(id);
      if (result === 'busy') return group;
      group.forEach((receipt, index) => {
        results.set(receipt, result === 'refused' ? 'refused' : (verdict.results[index] ?? 'too-early'));
      });
      return [];
    });
  }

  /** If the database refuses one row (a trigger, a constraint), the others are written anyway. */
  async #write(changes: readonly RowChange[]): Promise<Map<string, WriteResult>> {
    const [first] = changes;
    if (first === undefined) return new Map();
    try {
      const written = await this.#change(changes);
      return new Map(changes.map(({ id }) => [id, written.has(id) ? 'written' : 'busy']));
    } catch (error) {
      if (concernsAll(error)) throw error;
      if (changes.length === 1) return new Map([[first.id, this.#refused(first.id, error)]]);
      const alone: Map<string, WriteResult>[] = [];
      for (const change of changes) alone.push(await this.#write([change]));
      return new Map(alone.flatMap((result) => [...result]));
    }
  }

  async #change(changes: readonly RowChange[]): Promise<Set<string>> {
    const rows = await this.#pool.query<{ id: string }>(
      'enter receipts',
      CHANGE_BY_RECEIPTS,
      changeParameters(changes),
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** After an unavailable lock or a statement timeout, a retry may succeed. */
  #refused(deliveryId: string, error: unknown): WriteResult {
    if (error instanceof OutboxUnavailableError) return 'busy';
    this.#log.error('receipt-refused-by-database', { deliveryId, code: errorCode(error) ?? 'unknown' });
    return 'refused';
  }
}

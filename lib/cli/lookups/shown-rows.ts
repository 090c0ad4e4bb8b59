import type { FoundRow } from '../../adapters/postgres/found-rows.ts';
import { maskAddressesIn } from '../../domain/address.ts';
import { type Style, type Terminal, timeAndAge } from '../terminal.ts';
import { printable } from './dead-letters.ts';

/** A row in a list, as printed. */
export interface ShownRow {
  readonly id: string;
  readonly tenantId: string | null;
  readonly to: string | null;
  readonly state: string;
  /** The way that it took, or will take. */
  readonly provider: string | null;
  readonly attempts: number;
  /** ISO 8601. */
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly nextRetryAt: string | null;
  readonly reason: string | null;
  /** Why SMTP did not take it when it was last tried, whatever came after. */
  readonly failureClass: string | null;
}

/** @param whole whether to show addresses unmasked */
export function shownRow(row: FoundRow, whole: boolean): ShownRow {
  const text = (line: string | null) =>
    line === null ? null : printable(whole ? line : maskAddressesIn(line));
  return {
    id: printable(row.id),
    tenantId: text(row.tenantId),
    to: text(row.targetAddress),
    state: printable(row.state),
    provider: text(row.provider),
    attempts: row.attempts,
    createdAt: row.createdAt?.toISOString() ?? null,
    updatedAt: row.updatedAt?.toISOString() ?? null,
    nextRetryAt: row.nextRetryAt?.toISOString() ?? null,
    reason: text(row.lastError),
    failureClass: text(row.failureClass),
  };
}

const STYLES: Readonly<Record<string, Style>> = {
  delivered: 'green',
  failed: 'red',
  'on-hold': 'yellow',
  queued: 'cyan',
};

export const stateText = (terminal: Terminal, state: string) => terminal.paint(STYLES[state] ?? 'dim', state);

export function renderRows(terminal: Terminal, rows: readonly ShownRow[], now: Date): string {
  return terminal.table(
    ['id', 'tenant', 'state', 'by', 'created', 'to', 'reason'],
    rows.map(({ id, tenantId, state, provider, createdAt, to, reason }) => [
      id,
      tenantId ?? '-',
      stateText(terminal, state),
      provider ?? '-',
      createdAt === null ? '-' : timeAndAge(new Date(createdAt), now),
      to ?? '-',
      reason ?? '',
    ]),
  );
}

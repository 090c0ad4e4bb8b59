import type { Settlement } from '../../ports/outbox.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { concernsAll } from './outbox-errors.ts';
import { type SettledRow, settleParameters, settleStatement } from './settle-query.ts';

const SETTLE_UNLOCKED = settleStatement('SKIP LOCKED');
const SETTLE_WAITING = settleStatement('');

/**
 * Writes settlements so that none holds up another: rows that another session has locked come last, and where
 * the database refuses one (a trigger, a constraint), the others are written all the same.
 *
 * @returns the ids whose lease was no longer the owner's, those of deleted rows among them
 * @throws where one or more could not be written; all may be given again
 */
export async function settleAll(
  pool: ConnectionPool,
  owner: string,
  settlements: readonly Settlement[],
): Promise<string[]> {
  const lost: string[] = [];
  for (const wave of wavesOf(settlements)) {
    const settled = await settle(pool, owner, wave, SETTLE_UNLOCKED);
    const locked = wave.filter(({ id }) => !settled.has(id));
    const late = locked.length === 0 ? settled : await settle(pool, owner, locked, SETTLE_WAITING);
    lost.push(...wave.map(({ id }) => id).filter((id) => !(settled.get(id) ?? late.get(id) ?? false)));
  }
  return lost;
}

/** A statement changes a row once: a second settlement of the same delivery has to wait for the next one. */
function wavesOf(settlements: readonly Settlement[]): Settlement[][] {
  const waves: Map<string, Settlement>[] = [];
  for (const settlement of settlements) {
    const wave = waves.find((candidate) => !candidate.has(settlement.id));
    if (wave === undefined) waves.push(new Map([[settlement.id, settlement]]));
    else wave.set(settlement.id, settlement);
  }
  return waves.map((wave) => [...wave.values()]);
}

/** Whether each delivery that was found is settled, by its id. */
async function settle(
  pool: ConnectionPool,
  owner: string,
  settlements: readonly Settlement[],
  statement: string,
): Promise<Map<string, boolean>> {
  try {
    const rows = await pool.query<SettledRow>('settle', statement, settleParameters(owner, settlements));
    return new Map(rows.map(({ id, settled }) => [id, settled]));
  } catch (error) {
    if (settlements.length === 1 || concernsAll(error)) throw error;
    return settleHalves(pool, owner, settlements, statement);
  }
}

async function settleHalves(
  pool: ConnectionPool,
  owner: string,
  settlements: readonly Settlement[],
  statement: string,
): Promise<Map<string, boolean>> {
  const middle = Math.ceil(settlements.length / 2);
  const halves = [settlements.slice(0, middle), settlements.slice(middle)];
  const results = await Promise.allSettled(halves.map((half) => settle(pool, owner, half, statement)));
  return new Map(
    results.flatMap((result) => {
      if (result.status === 'rejected') throw result.reason;
      return [...result.value];
    }),
  );
}

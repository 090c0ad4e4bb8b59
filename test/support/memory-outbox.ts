import { EventEmitter, once } from 'node:events';
import type {
  Claim,
  ClaimRequest,
  Completion,
  Outbox,
  OutboxStats,
  Renewal,
} from '../../lib/ports/outbox.ts';

/** A delivery, and who has it. */
interface Entry {
  readonly claim: Claim;
  attempts: number;
  dueAt: number;
  owed: readonly string[];
  lease: Lease | undefined;
}

interface Lease {
  readonly owner: MemoryOutbox;
  readonly route: ClaimRequest['route'];
  until: number;
}

/**
 * An outbox in memory, for tests of the worker's own decisions. It keeps the contract of every outbox, and can be
 * configured to fail.
 */
export class MemoryOutbox implements Outbox {
  readonly completion: Completion[] = [];
  readonly released: string[] = [];
  readonly renewed: string[][] = [];
  readonly claimedRoutes: string[] = [];
  readonly requests: ClaimRequest[] = [];
  readonly #events = new EventEmitter();
  readonly #entries: Map<string, Entry>;
  #failures = new Map<string, number>();
  #listener: () => void = () => {};
  late: readonly string[] = [];
  lostLeases: readonly string[] = [];

  /** @param beside another worker's, with the same deliveries */
  constructor(beside?: MemoryOutbox) {
    this.#entries = beside === undefined ? new Map() : beside.#entries;
  }

  put(...claims: readonly Claim[]): void {
    for (const claim of claims) {
      const { attempts, owed = [] } = claim;
      // The claim's own number counts the attempt that it will be.
      this.#entries.set(claim.id, { claim, attempts: attempts - 1, dueAt: 0, owed, lease: undefined });
    }
    this.#listener();
  }

  /** The next `times` calls of the method fail as if the database were down. */
  fail(method: 'claim' | 'settle' | 'renew' | 'release', times: number): void {
    this.#failures.set(method, times);
  }

  /** Resolves when this many completions were written. */
  async settled(count: number): Promise<readonly Completion[]> {
    while (this.completion.length < count) {
      await once(this.#events, 'settled', { signal: AbortSignal.timeout(20_000) });
    }
    return this.completion;
  }

  async claim(request: ClaimRequest): Promise<Claim[]> {
    const { limit, route, abovePriority = Number.NEGATIVE_INFINITY } = request;
    this.requests.push(request);
    this.#mayFail('claim');
    const claims = inTurns(this.#free(request.takeOver ?? true))
      .filter(({ claim: { priority = 0 } }) => priority > abovePriority)
      .slice(0, limit)
      .map((entry) => this.#lease(entry, request));
    for (const _ of claims) this.claimedRoutes.push(route);
    if (claims.length > 0) this.#events.emit('claimed');
    return claims;
  }

  /** Resolves after the next call that fails, when the caller knows. */
  async failed(method: 'claim' | 'renew'): Promise<void> {
    await once(this.#events, `${method}-failed`, { signal: AbortSignal.timeout(20_000) });
    await new Promise(setImmediate);
  }

  async claimed(): Promise<void> {
    await once(this.#events, 'claimed', { signal: AbortSignal.timeout(20_000) });
  }

  async complete(completion: readonly Completion[]): Promise<readonly string[]> {
    this.#mayFail('settle');
    this.completion.push(...completion);
    const lost = completion.filter(({ id }) => this.#isLost(id)).map(({ id }) => id);
    for (const { id, next } of completion) {
      const entry = this.#entries.get(id);
      if (entry === undefined || lost.includes(id)) continue;
      entry.lease = undefined;
      if (next.kind !== 'queued') this.#entries.delete(id);
      else Object.assign(entry, { dueAt: Date.now() + next.retryAfterMs, owed: next.owed });
    }
    this.#events.emit('settled');
    return [...this.late, ...lost];
  }

  async renew(ids: readonly string[], leaseMs: number): Promise<Renewal> {
    this.#mayFail('renew');
    const lost = ids.filter((id) => this.#isLost(id));
    for (const id of ids) {
      const lease = this.#entries.get(id)?.lease;
      if (lease?.owner === this) lease.until = Date.now() + leaseMs;
    }
    if (ids.length > 0) {
      this.renewed.push([...ids]);
      this.#events.emit('renewed');
    }
    const allLost = [...this.lostLeases, ...lost];
    return { renewed: ids.filter((id) => !allLost.includes(id)), lost: allLost };
  }

  async renewal(): Promise<void> {
    await once(this.#events, 'renewed', { signal: AbortSignal.timeout(20_000) });
  }

  async release(ids: readonly string[]): Promise<void> {
    this.#mayFail('release');
    this.released.push(...ids);
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry?.lease?.owner !== this) continue;
      entry.lease = undefined;
      entry.attempts -= 1;
    }
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  async stats(): Promise<OutboxStats> {
    const waiting = [...this.#entries.values()].filter(({ lease }) => lease === undefined);
    return { queued: waiting.length, oldestDueSeconds: 0 };
  }

  async close(): Promise<void> {}

  /** What is due and leased to nobody, or to another worker whose lease has ended. */
  #free(takesOver: boolean): Entry[] {
    const now = Date.now();
    return [...this.#entries.values()].filter(({ dueAt, lease }) =>
      lease === undefined ? dueAt <= now : takesOver && lease.owner !== this && lease.until < now,
    );
  }

  #lease(entry: Entry, { route, leaseMs, maxBytes }: ClaimRequest): Claim {
    const { claim, owed, lease } = entry;
    const { mail } = claim;
    entry.lease = { owner: this, route, until: Date.now() + leaseMs };
    entry.attempts += 1;
    return {
      ...claim,
      attempts: entry.attempts,
      reclaimed: claim.reclaimed || lease?.route === 'smtp',
      ...(owed.length === 0 ? {} : { owed }),
      ...(maxBytes === 0 && mail.kind !== 'large'
        ? { mail: { kind: 'large', read: async () => ({ mail }) } }
        : {}),
    };
  }

  /** Whether another worker has it. */
  #isLost(id: string): boolean {
    const owner = this.#entries.get(id)?.lease?.owner;
    return owner !== undefined && owner !== this;
  }

  #mayFail(method: string): void {
    const left = this.#failures.get(method) ?? 0;
    if (left === 0) return;
    this.#failures.set(method, left - 1);
    this.#events.emit(`${method}-failed`);
    throw Object.assign(new Error(`${method} failed`), { code: 'EOUTBOX' });
  }
}

/** Urgent ones first; of equal urgency, the first of each tenant before the second of any. */
function inTurns(entries: readonly Entry[]): readonly Entry[] {
  const turns = new Map<string, number>();
  const numbered = entries.map((entry) => {
    const { priority = 0, tenantId = '' } = entry.claim;
    const key = `${priority} ${tenantId}`;
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return { entry, priority, turn };
  });
  return numbered
    .toSorted((one, other) => other.priority - one.priority || one.turn - other.turn)
    .map(({ entry }) => entry);
}

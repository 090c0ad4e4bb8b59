import { EventEmitter, once } from 'node:events';
import type { Claim, ClaimRequest, Completion, Outbox, OutboxStats } from '../../lib/ports/outbox.ts';

/** An outbox in memory, for tests of the worker's own decisions. It can be configured to fail. */
export class MemoryOutbox implements Outbox {
  readonly completion: Completion[] = [];
  readonly released: string[] = [];
  readonly renewed: string[][] = [];
  readonly claimedRoutes: string[] = [];
  readonly requests: ClaimRequest[] = [];
  readonly #events = new EventEmitter();
  #due: Claim[] = [];
  #failures = new Map<string, number>();
  #listener: () => void = () => {};
  late: readonly string[] = [];
  lostLeases: readonly string[] = [];

  put(...claims: readonly Claim[]): void {
    this.#due.push(...claims);
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
    const claims = this.#due.filter(({ priority = 0 }) => priority > abovePriority).slice(0, limit);
    this.#due = this.#due.filter((due) => !claims.includes(due));
    for (const _ of claims) this.claimedRoutes.push(route);
    if (claims.length > 0) this.#events.emit('claimed');
    return claims;
  }

  /** Resolves after a claim has failed, when the caller knows. */
  async claimFailed(): Promise<void> {
    await once(this.#events, 'claim-failed', { signal: AbortSignal.timeout(20_000) });
    await new Promise(setImmediate);
  }

  async claimed(): Promise<void> {
    await once(this.#events, 'claimed', { signal: AbortSignal.timeout(20_000) });
  }

  async complete(completion: readonly Completion[]): Promise<readonly string[]> {
    this.#mayFail('settle');
    this.completion.push(...completion);
    this.#events.emit('settled');
    return this.late;
  }

  async renew(ids: readonly string[]): Promise<readonly string[]> {
    this.#mayFail('renew');
    if (ids.length > 0) {
      this.renewed.push([...ids]);
      this.#events.emit('renewed');
    }
    return this.lostLeases;
  }

  async renewal(): Promise<void> {
    await once(this.#events, 'renewed', { signal: AbortSignal.timeout(20_000) });
  }

  async release(ids: readonly string[]): Promise<void> {
    this.#mayFail('release');
    this.released.push(...ids);
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  async stats(): Promise<OutboxStats> {
    return { queued: this.#due.length, oldestDueSeconds: 0 };
  }

  async close(): Promise<void> {}

  #mayFail(method: string): void {
    const left = this.#failures.get(method) ?? 0;
    if (left === 0) return;
    this.#failures.set(method, left - 1);
    this.#events.emit(`${method}-failed`);
    throw Object.assign(new Error(`${method} failed`), { code: 'EOUTBOX' });
  }
}

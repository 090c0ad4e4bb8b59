import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SmtpResult, SmtpRoute } from '../ports/senders.ts';

export type BreakerState = 'closed' | 'open';

interface BreakerSettings {
  /** After so many failures of the connection in a row the server counts as down. */
  readonly breakerFailures: number;
  /** How long after the server was found down it is first asked again, in milliseconds. */
  readonly breakerProbeIntervalMs: number;
}

export interface BreakerDeps extends BreakerSettings {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly onChange: (state: BreakerState, failure?: Failure) => void;
}

/** A server that answers a probe and then fails the next mails again is asked less and less often. */
const MAX_PROBE_INTERVAL_MS = 60_000;

/**
 * Keeps mails from waiting for a server that is down.
 *
 *   closed ── failures of the connection, one after another ──▶ open ── a probe gets through ──▶ closed
 *
 * While it is open every mail fails at once as `circuit-open`. One probe at a time, without a mail, finds out
 * that the server is back: no mail has to wait for that either.
 */
export class CircuitBreakerRoute implements SmtpRoute {
  readonly #route: SmtpRoute;
  readonly #deps: BreakerDeps;
  readonly #closing = new AbortController();
  #state: BreakerState = 'closed';
  #failuresInARow = 0;
  #openingsInARow = 0;
  /** Why the server counts as down: its last failure. */
  #downBy: Failure | undefined;
  /** Aborted when the breaker opens: whoever still waits for a session need not wait on. */
  #abandon = new AbortController();

  constructor(route: SmtpRoute, deps: BreakerDeps) {
    this.#route = route;
    this.#deps = deps;
  }

  get state(): BreakerState {
    return this.#state;
  }

  async send(delivery: Delivery): Promise<SmtpResult> {
    if (this.#state === 'open') return this.#notTried(delivery);
    const abandon = this.#abandon.signal;
    const answer = await this.#route.send(delivery, { abandon });
    if (answer.kind === 'failed' && answer.failure.phase === 'queue' && abandon.aborted) {
      return this.#notTried(delivery);
    }
    this.#learn(answer);
    return answer;
  }

  /** What a mail that was not offered to SMTP failed of: who counts failures asks why the server is down. */
  circuitOpen(): Failure {
    const { class: openedBy } = this.#downBy ?? {};
    const at = this.#deps.clock.now().toISOString();
    return { class: 'circuit-open', ...(openedBy === undefined ? {} : { openedBy }), phase: 'queue', at };
  }

  verify(): Promise<Failure | undefined> {
    return this.#route.verify();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#route.close();
  }

  #notTried(delivery: Delivery): SmtpResult {
    return {
      kind: 'failed',
      failure: this.circuitOpen(),
      failed: delivery.to,
      refused: [],
    };
  }

  #learn(answer: SmtpResult): void {
    if (answer.kind === 'taken') this.#openingsInARow = 0;
    if (answer.kind === 'taken' || !isOfTheConnection(answer.failure)) {
      this.#failuresInARow = 0;
      return;
    }
    this.#failuresInARow += 1;
    if (this.#state === 'closed' && this.#failuresInARow >= this.#deps.breakerFailures)
      this.#open(answer.failure);
  }

  #open(failure: Failure): void {
    this.#state = 'open';
    this.#openingsInARow += 1;
    this.#downBy = failure;
    this.#abandon.abort();
    this.#deps.onChange('open', failure);
    void this.#probeUntilBack();
  }

  async #probeUntilBack(): Promise<void> {
    const { signal } = this.#closing;
    const doublings = this.#openingsInARow - 1;
    const longest = Math.min(this.#deps.breakerProbeIntervalMs * 2 ** doublings, MAX_PROBE_INTERVAL_MS);
    while (!signal.aborted) {
      // Many workers found the server down at the same moment; they should not all ask at the same moment.
      const waitMs = longest * (0.75 + 0.5 * this.#deps.random());
      const waited = await delay(waitMs, 'over', { signal, ref: false }).catch(() => 'aborted');
      if (waited === 'aborted') return;
      const failure = await this.#route.verify();
      if (failure === undefined) return this.#close();
      this.#downBy = failure;
    }
  }

  #close(): void {
    this.#state = 'closed';
    this.#failuresInARow = 0;
    this.#abandon = new AbortController();
    this.#deps.onChange('closed');
  }
}

/**
 * Would the next mail fail in the same way? A server that says no to this mail may take the next. One that cannot
 * be reached, that nobody can sign in to, or that falls silent over a mail's data, will not.
 */
function isOfTheConnection(failure: Failure): boolean {
  return ['unreachable', 'tls', 'auth', 'unknown'].includes(failure.class) || failure.phase === 'greeting';
}

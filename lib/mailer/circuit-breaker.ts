import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SmtpResult, SmtpRoute } from '../ports/senders.ts';

export type BreakerState = 'closed' | 'open';

interface BreakerSettings {
  /** Consecutive connection failures after which the server counts as down. */
  readonly breakerFailures: number;
  /** Milliseconds from the server being found down to the first probe. */
  readonly breakerProbeIntervalMs: number;
}

export interface BreakerDeps extends BreakerSettings {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly onChange: (state: BreakerState, failure?: Failure) => void;
}

/** The probe interval grows if a server passes a probe but then fails the next mails again. */
const MAX_PROBE_INTERVAL_MS = 60_000;

/**
 * Keeps mails from waiting for a server that is down.
 *
 *   closed ── consecutive connection failures ──▶ open ── a probe succeeds ──▶ closed
 *
 * While open, every mail fails at once as `circuit-open`. One probe at a time, without a mail, detects that
 * the server is back, so no mail waits for that either.
 */
export class CircuitBreakerRoute implements SmtpRoute {
  readonly #route: SmtpRoute;
  readonly #deps: BreakerDeps;
  readonly #closing = new AbortController();
  #state: BreakerState = 'closed';
  #failuresInARow = 0;
  #openingsInARow = 0;
  /** The last failure: why the server counts as down. */
  #downBy: Failure | undefined;
  /** Aborted when the breaker opens, so that mails waiting for a session stop waiting. */
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
    const result = await this.#route.send(delivery, { abandon });
    if (result.kind === 'failed' && result.failure.phase === 'queue' && abandon.aborted) {
      return this.#notTried(delivery);
    }
    this.#record(result);
    return result;
  }

  /** The failure of a mail that was not sent to SMTP; includes why the server is down, for metrics. */
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

  #record(result: SmtpResult): void {
    if (result.kind === 'taken') this.#openingsInARow = 0;
    if (result.kind === 'taken' || !isConnectionFailure(result.failure)) {
      this.#failuresInARow = 0;
      return;
    }
    this.#failuresInARow += 1;
    if (this.#state === 'closed' && this.#failuresInARow >= this.#deps.breakerFailures)
      this.#open(result.failure);
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
      // Many workers detect the outage at the same moment; jitter keeps them from probing at the same moment.
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
 * True if the next mail would fail the same way. A server that refuses this mail may accept the next. A
 * server that is unreachable, rejects the login, or stops responding during DATA will not.
 */
function isConnectionFailure(failure: Failure): boolean {
  return ['unreachable', 'tls', 'auth', 'unknown'].includes(failure.class) || failure.phase === 'greeting';
}

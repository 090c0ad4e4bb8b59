import { setTimeout as delay } from 'node:timers/promises';
import type { FallbackFailure } from '../domain/outcome.ts';
import type { Log } from '../ports/runtime.ts';

export interface FallbackCheckDeps {
  /** What prevents a hand-over; empty if nothing does. */
  readonly check: () => Promise<readonly FallbackFailure[]>;
  /** Called after each check. */
  readonly onChecked: (isUp: boolean) => void;
  readonly log: Log;
  /** @default ten minutes */
  readonly intervalMs?: number | undefined;
}

/** A key may be deleted, and a permission taken away, while the worker runs. A check costs less than a cent a month. */
const CHECK_INTERVAL_MS = 10 * 60_000;

/** While something is wrong, so that the warning ends soon after it is fixed. */
const RETRY_INTERVAL_MS = 60_000;

/**
 * Checks the fallback from the start of the worker on: what is wrong with it would otherwise be found in the first
 * outage, when it is too late. A worker whose fallback is wrong still sends by SMTP, so it is a warning.
 */
export class FallbackCheck {
  readonly #deps: FallbackCheckDeps;
  readonly #stopping = new AbortController();
  #failures: readonly FallbackFailure[] = [];
  #lastLogged: string | undefined;

  constructor(deps: FallbackCheckDeps) {
    this.#deps = deps;
  }

  /** Of the last check, as `queue-misconfigured: AccessDenied`. */
  get warnings(): readonly string[] {
    return this.#failures.map(({ code, detail }) => `${code}: ${detail}`);
  }

  /** Checks until `stop`. */
  start(): void {
    void this.#checkUntilStopped();
  }

  /** Does not wait for a check in progress. */
  stop(): void {
    this.#stopping.abort();
  }

  async #checkUntilStopped(): Promise<void> {
    const { signal } = this.#stopping;
    const intervalMs = this.#deps.intervalMs ?? CHECK_INTERVAL_MS;
    while (!signal.aborted) {
      const failures = await this.#deps.check();
      if (signal.aborted) return;
      this.#failures = failures;
      this.#deps.onChecked(failures.length === 0);
      this.#logChange();
      const waitMs = failures.length === 0 ? intervalMs : Math.min(intervalMs, RETRY_INTERVAL_MS);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Once for each state: an outage of AWS must not fill the log. */
  #logChange(): void {
    const state = this.warnings.join(', ');
    if (state === this.#lastLogged) return;
    this.#lastLogged = state;
    if (this.#failures.length === 0) this.#deps.log.info('fallback-ready');
    for (const { code, detail } of this.#failures) this.#logFailure(code, detail);
  }

  #logFailure(code: FallbackFailure['code'], detail: string): void {
    const { log } = this.#deps;
    if (code.endsWith('-misconfigured')) log.error('fallback-misconfigured', { code, detail });
    else log.warn('fallback-unavailable', { code, detail });
  }
}

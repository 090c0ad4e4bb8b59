import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { deferred } from '../../common/async.ts';
import { loggedError } from '../../domain/logged-error.ts';
import type { Log } from '../../ports/runtime.ts';
import { openClient, SocketSet } from './connection.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { isOwnSession } from './session.ts';

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/** Detects a connection that a firewall has dropped, which looks like an idle one. */
const HEARTBEAT_MS = 15_000;

/** Notifications within this time after a call are coalesced into one more call at its end. */
const BURST_MS = 5;

/** Checks in a row that no notification arrives; one could be late on a busy server. */
const MAX_DEAF_CHECKS = 2;

export interface ArrivalsListenerDeps {
  readonly settings: PostgresSettings;
  readonly applicationName: string;
  readonly leaseOwner: string;
  readonly log: Log;
  /** Sends an empty notification to a channel over another connection. */
  readonly notify: (channel: string) => Promise<unknown>;
}

/** Why listening ended. */
type Ended = { readonly kind: 'lost'; readonly error: unknown } | { readonly kind: 'deaf' };

/**
 * Listens for new deliveries on its own connection, and reconnects whenever it breaks. Gives up if a pooler
 * keeps the notifications back: then new deliveries are found by polling alone.
 */
export class ArrivalsListener {
  readonly #deps: ArrivalsListenerDeps;
  readonly #closing = new AbortController();
  readonly #watching = new Set<Promise<void>>();

  constructor(deps: ArrivalsListenerDeps) {
    this.#deps = deps;
  }

  /**
   * Calls the listener after each arrival, and each time that listening starts, because earlier arrivals were
   * missed. Deliveries that this worker itself released do not count as arrivals.
   */
  watch(listener: () => void, signal: AbortSignal): void {
    const watching = this.#listenUntilAborted(
      listener,
      AbortSignal.any([signal, this.#closing.signal]),
    ).finally(() => this.#watching.delete(watching));
    this.#watching.add(watching);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watching);
  }

  async #listenUntilAborted(listener: () => void, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    const call = coalesce(listener, BURST_MS, signal);
    let failures = 0;
    let deafChecks = 0;
    while (!signal.aborted) {
      const onListening = () => {
        if (failures > 0) log.info('outbox-notifications-restored', { failures });
        failures = 0;
        deafChecks = 0;
        call();
      };
      const ended = await this.#listen(call, onListening, signal);
      if (signal.aborted) return;
      if (ended.kind === 'deaf') {
        deafChecks += 1;
        if (deafChecks < MAX_DEAF_CHECKS) continue;
        log.warn('outbox-notifications-unavailable', { message: DEAF });
        return;
      }
      failures += 1;
      log.warn('outbox-notifications-lost', { ...loggedError(ended.error), failures });
      await sleep(backoffMs(failures), undefined, { signal }).catch(() => {});
    }
  }

  /** Listens until the connection breaks or the signal aborts, and returns why. */
  async #listen(call: () => void, onListening: () => void, signal: AbortSignal): Promise<Ended> {
    const { settings, applicationName, leaseOwner, notify } = this.#deps;
    const sockets = new SocketSet();
    const { promise: over, resolve: end } = deferred<unknown>();
    const aborted = () => end(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    let client: Client | undefined;
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      client = await openClient(settings, `${applicationName} (listens)`, (config) => {
        const attempt = new Client({ ...config, stream: () => sockets.create() });
        attempt.on('error', (error) => attempt === client && end(error));
        attempt.on('end', () => attempt === client && end(new Error('the connection ended')));
        return attempt;
      });
      const listening = client;
      heartbeat = setInterval(() => void listening.query('SELECT 1').catch(end), HEARTBEAT_MS);
      if (!(await isOwnSession(client, notify, signal))) return { kind: 'deaf' };
      client.on('notification', ({ payload }) => {
        if (payload !== leaseOwner) call();
      });
      await client.query(`LISTEN ${ARRIVALS_CHANNEL}`);
      onListening();
      return { kind: 'lost', error: await over };
    } catch (error) {
      return { kind: 'lost', error };
    } finally {
      clearInterval(heartbeat);
      signal.removeEventListener('abort', aborted);
      void client?.end().catch(() => {});
      await sockets.closed();
    }
  }
}

const DEAF =
  'no notification arrives over this connection, as with the transaction pooling of PgBouncer: new mail is found by ' +
  'polling alone, every OUTBOUND_POLL_INTERVAL_MS; use session pooling or a direct connection to be notified';

/** Doubles with each failure, with half of it random, so that workers do not reconnect all at once. */
function backoffMs(failures: number): number {
  const ceiling = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20), MAX_BACKOFF_MS);
  return ceiling / 2 + (ceiling / 2) * Math.random();
}

/**
 * The channel on which the database notifies of deliveries to claim. The payload is the lease owner that
 * released them, or empty if they are new.
 */
export const ARRIVALS_CHANNEL = 'outbound_deliveries';

/**
 * Coalesces calls: the first passes at once, and those that follow within `burstMs` become one more call at
 * the end of that time. Makes no calls after the signal has aborted.
 */
export function coalesce(call: () => void, burstMs: number, signal: AbortSignal): () => void {
  let quiet = true;
  let again = false;
  const pass = () => {
    if (signal.aborted) return;
    quiet = false;
    again = false;
    setTimeout(() => {
      quiet = true;
      if (again) pass();
    }, burstMs);
    call();
  };
  return () => {
    if (quiet) pass();
    else again = true;
  };
}

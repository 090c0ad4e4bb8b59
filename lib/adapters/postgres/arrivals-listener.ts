import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Log } from '../../ports/runtime.ts';
import { clientConfig, type PostgresSettings, SocketSet } from './connection.ts';
import { errorCode, messageOf } from './errors.ts';

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/** Detects a connection that a firewall has dropped, which looks like an idle one. */
const HEARTBEAT_MS = 15_000;

/** Notifications within this time after a call are coalesced into one more call at its end. */
const BURST_MS = 5;

/** Listens for new deliveries on its own connection, and reconnects whenever it breaks. */
export class ArrivalsListener {
  readonly #settings: PostgresSettings;
  readonly #applicationName: string;
  readonly #leaseOwner: string;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #watching = new Set<Promise<void>>();

  constructor(settings: PostgresSettings, applicationName: string, leaseOwner: string, log: Log) {
    this.#settings = settings;
    this.#applicationName = applicationName;
    this.#leaseOwner = leaseOwner;
    this.#log = log;
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
    const call = coalesce(listener, BURST_MS, signal);
    let failures = 0;
    while (!signal.aborted) {
      const onListening = () => {
        if (failures > 0) this.#log.info('outbox-notifications-restored', { failures });
        failures = 0;
        call();
      };
      const error = await this.#listen(call, onListening, signal);
      if (signal.aborted) return;
      failures += 1;
      this.#log.warn('outbox-notifications-lost', { error: errorCode(error) ?? messageOf(error), failures });
      await sleep(backoffMs(failures), undefined, { signal }).catch(() => {});
    }
  }

  /** Listens until the connection breaks or the signal aborts, and returns why. */
  async #listen(call: () => void, onListening: () => void, signal: AbortSignal): Promise<unknown> {
    const sockets = new SocketSet();
    const client = new Client({
      ...clientConfig(this.#settings, `${this.#applicationName} (listens)`),
      stream: () => sockets.create(),
    });
    let end: (reason: unknown) => void = () => {};
    const over = new Promise((resolve) => {
      end = resolve;
    });
    client.on('error', end);
    client.on('end', () => end(new Error('the connection ended')));
    signal.addEventListener('abort', end, { once: true });
    client.on('notification', ({ payload }) => {
      if (payload !== this.#leaseOwner) call();
    });
    const heartbeat = setInterval(() => void client.query('SELECT 1').catch(end), HEARTBEAT_MS);
    try {
      await client.connect();
      await client.query(`LISTEN ${ARRIVALS_CHANNEL}`);
      onListening();
      return await over;
    } catch (error) {
      return error;
    } finally {
      clearInterval(heartbeat);
      signal.removeEventListener('abort', end);
      void client.end().catch(() => {});
      await sockets.closed();
    }
  }
}

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

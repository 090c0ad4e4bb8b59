import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { errorCode } from '../../common/errors.ts';
import { type Clock, systemClock } from '../../ports/runtime.ts';

/** The addresses of a host name, in the order in which they are tried. Rejects with the resolver's `code`. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

/** As every other program of the machine: /etc/hosts and the DNS in the order of nsswitch.conf, both families. */
const resolveAsSystem: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
};

/**
 * After a failover of the name, connections go to the new address within this time. It spares a busy pool a
 * lookup for each of its connections; the resolver has its own cache, which obeys the time to live.
 */
const MEMORY_MS = 2_000;

/** An address that has not answered for this long is joined by the next one (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;

export interface HostConnectorDeps {
  readonly resolve?: ResolveHost | undefined;
  readonly clock?: Clock | undefined;
}

/** No connection: `code` is that of the resolver or of the first address, or ETIMEDOUT. */
class HostConnectError extends Error {
  override readonly name = 'HostConnectError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Opens TCP connections to one host, at whichever of its addresses answers. */
export class HostConnector {
  readonly #host: string;
  readonly #port: number;
  readonly #resolve: ResolveHost;
  readonly #clock: Clock;
  /** One lookup at a time: a resolver that hangs would otherwise take every thread of Node's pool. */
  #lookup: Promise<readonly string[]> | undefined;
  #known: { readonly at: number; readonly addresses: readonly string[] } | undefined;

  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    deps: HostConnectorDeps = {},
  ) {
    this.#host = host;
    this.#port = port;
    this.#resolve = deps.resolve ?? resolveAsSystem;
    this.#clock = deps.clock ?? systemClock;
  }

  /**
   * Tries the addresses in order; the first that answers wins.
   *
   * @param signal ends the attempt with ETIMEDOUT
   * @throws {@link HostConnectError}
   */
  async connect(signal: AbortSignal): Promise<Socket> {
    try {
      const remembered = this.#remembered();
      if (remembered !== undefined) {
        try {
          return await connectToFirst(remembered, this.#port, signal);
        } catch {
          // The host may have moved since: ask again, and try what is true now.
          this.#known = undefined;
        }
      }
      const addresses = await untilAborted(this.#lookUp(), signal);
      return await connectToFirst(addresses, this.#port, signal);
    } catch (error) {
      this.#known = undefined;
      if (signal.aborted) throw new HostConnectError('ETIMEDOUT', `${this.#host} did not answer in time`);
      const code = errorCode(error);
      throw new HostConnectError(code, `no connection to ${this.#host}: ${code}`);
    }
  }

  #remembered(): readonly string[] | undefined {
    const age = this.#clock.now().getTime() - (this.#known?.at ?? 0);
    return age >= 0 && age < MEMORY_MS ? this.#known?.addresses : undefined;
  }

  #lookUp(): Promise<readonly string[]> {
    this.#lookup ??= this.#resolveNow().finally(() => {
      this.#lookup = undefined;
    });
    return this.#lookup;
  }

  async #resolveNow(): Promise<readonly string[]> {
    const addresses = await this.#resolve(this.#host);
    this.#known = { at: this.#clock.now().getTime(), addresses };
    return addresses;
  }
}

/** Rejects as soon as the signal aborts; a lookup itself cannot be aborted. */
function untilAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Starts the next attempt when the one before has failed, or has not answered for a while; that one goes on,
 * because a distant host may need longer. Rejects with the first address' error if all have failed.
 */
function connectToFirst(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const waiting = [...addresses];
    const open = new Set<Socket>();
    let failure: unknown;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const socket of open) socket.destroy();
      open.clear();
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const tryNext = () => {
      clearTimeout(timer);
      const address = waiting.shift();
      if (address !== undefined) start(address);
      else if (open.size === 0) {
        end();
        reject(failure);
      }
    };
    const start = (address: string) => {
      const socket = connect({ host: address, port });
      open.add(socket);
      socket.once('connect', () => {
        open.delete(socket);
        end();
        resolve(socket);
      });
      // Stays for good: an error between the connection and its owner's first listener must not crash the process.
      socket.on('error', (error) => {
        if (!open.delete(socket)) return;
        failure ??= error;
        tryNext();
      });
      if (waiting.length > 0) timer = setTimeout(tryNext, ATTEMPT_DELAY_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else tryNext();
  });
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What happens to the bytes of a connection, open ones included. */
export type SocketFault =
  /** Both ends get a RST after a random number of bytes, up to this many. */
  | { readonly kind: 'reset'; readonly withinBytes: number }
  /** Every chunk arrives this much later. */
  | { readonly kind: 'latency'; readonly ms: number };

/** A proxy for TCP on 127.0.0.1: it knows nothing of what is said, so that a fault can strike at any byte. */
export class SocketProxy {
  readonly #targetPort: number;
  readonly #random: () => number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #fault: SocketFault | undefined;

  private constructor(targetPort: number, random: () => number) {
    this.#targetPort = targetPort;
    this.#random = random;
    this.#server = createServer({ noDelay: true }, (client) => this.#connect(client));
  }

  /** Listens on a free port. @param random a number in [0, 1) */
  static async start(targetPort: number, random: () => number): Promise<SocketProxy> {
    const proxy = new SocketProxy(targetPort, random);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Undefined: every byte passes. */
  behave(fault: SocketFault | undefined): void {
    this.#fault = fault;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #connect(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const connection = new Connection(client, server, () => this.#fault, this.#random);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // The other end goes down with it.
      socket.on('error', () => connection.end('reset'));
      socket.on('close', () => {
        this.#sockets.delete(socket);
        connection.end('close');
      });
    }
    void connection.pass(client, server);
    void connection.pass(server, client);
  }
}

/** Resolves when more can be written, or nothing ever will be. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    if (socket.destroyed) resolve();
    else socket.on('drain', done).on('close', done);
  });
}

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faultNow: () => SocketFault | undefined;
  readonly #random: () => number;
  /** The reset that this connection is heading for, and the bytes until then. */
  #reset: { readonly fault: SocketFault; left: number } | undefined;
  #ended = false;

  constructor(client: Socket, server: Socket, faultNow: () => SocketFault | undefined, random: () => number) {
    this.#client = client;
    this.#server = server;
    this.#faultNow = faultNow;
    this.#random = random;
  }

  /** Copies one direction; ends with it. */
  async pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const fault = this.#faultNow();
        if (fault?.kind === 'latency') await delay(fault.ms);
        const passed = this.#bytesBeforeReset(fault, chunk.length);
        if (!to.write(chunk.subarray(0, passed))) await drained(to);
        if (passed < chunk.length) {
          this.end('reset');
          return;
        }
      }
      to.end();
    } catch {
      this.end('reset');
    }
  }

  #bytesBeforeReset(fault: SocketFault | undefined, length: number): number {
    if (fault?.kind !== 'reset') return length;
    if (this.#reset?.fault !== fault)
      this.#reset = { fault, left: Math.floor(this.#random() * fault.withinBytes) };
    const passed = Math.min(this.#reset.left, length);
    this.#reset.left -= passed;
    return passed;
  }

  end(by: 'reset' | 'close'): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const socket of [this.#client, this.#server]) {
      // libuv refuses to reset a connection that is being ended, and Node then leaks its handle.
      if (by === 'reset' && !socket.writableEnded && !socket.destroyed && !socket.connecting)
        socket.resetAndDestroy();
      else socket.destroySoon();
    }
  }
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HeldPort } from './held-port.ts';

/** A TCP listener on one port of 127.0.0.1 that can go away and come back on the same port. */
export class SmtpListener {
  readonly #accept: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #held: HeldPort | undefined;
  #port: number;

  /** Port 0 takes a free one at the first `open`. */
  constructor(port: number, accept: (socket: Socket) => void) {
    this.#port = port;
    this.#accept = accept;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ noDelay: true }, (socket) => this.#track(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    await this.#held?.release();
    this.#held = undefined;
  }

  /** From now on connections are refused, and open ones are reset; the port stays ours. */
  async refuse(): Promise<void> {
    if (!this.#server) return;
    await this.#stopListening();
    this.#held = await HeldPort.hold(this.#port);
  }

  async close(): Promise<void> {
    await this.#stopListening();
    await this.#held?.release();
    this.#held = undefined;
  }

  /** Ends every open connection: with an RST, or with a FIN. */
  dropConnections(by: 'reset' | 'close'): void {
    for (const socket of this.#sockets) {
      // libuv refuses to reset a connection whose end is under way, and Node then leaks its handle.
      if (by === 'reset' && !socket.writableEnded) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    this.dropConnections('reset');
    await closed;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    this.#accept(socket);
  }
}

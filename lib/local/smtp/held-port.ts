import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Keeps a port of 127.0.0.1 from being given to anybody else while nothing listens on it. A connection that
 * has it as its own end does: who connects to the port is refused, and a listener may come back to it.
 */
export class HeldPort {
  readonly #anchor: Server;
  readonly #socket: Socket;

  private constructor(anchor: Server, socket: Socket) {
    this.#anchor = anchor;
    this.#socket = socket;
  }

  static async hold(port: number): Promise<HeldPort> {
    const anchor = createServer((peer) => peer.on('error', () => {})).listen(0, '127.0.0.1');
    await once(anchor, 'listening');
    const { port: anchorPort } = anchor.address() as AddressInfo;
    const socket = connect({
      port: anchorPort,
      host: '127.0.0.1',
      localPort: port,
      localAddress: '127.0.0.1',
    });
    await once(socket, 'connect');
    return new HeldPort(anchor, socket);
  }

  /** Lets go without a trace: after a reset no end of the connection stays behind in TIME_WAIT. */
  async release(): Promise<void> {
    this.#socket.resetAndDestroy();
    this.#anchor.close();
    await once(this.#anchor, 'close');
  }
}

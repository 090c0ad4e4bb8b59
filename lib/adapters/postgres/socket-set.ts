import { Socket } from 'node:net';

/** How long a connection may take to say goodbye before its socket is destroyed. */
const GOODBYE_MS = 500;

/** The sockets of some connections, so that their end can be forced: a server that hangs never closes its own. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();

  create(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** Waits until all are closed, and closes those that take long. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, GOODBYE_MS);
      const check = () => {
        if (this.#sockets.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const socket of this.#sockets) socket.once('close', check);
      check();
    });
  }
}

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** Another address of this machine under which a server can be reached, until it is closed. */
export interface SecondAddress {
  /** Connections accepted so far. */
  readonly connections: number;
  /** Ends what is open and refuses from now on, as a host that is shut down. */
  close(): Promise<void>;
}

/** Serves the port of 127.0.0.1 under another address of the loopback network. */
export async function openSecondAddress(address: string, port: number): Promise<SecondAddress> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  server.listen(port, address);
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    get connections() {
      return connections;
    },
    close,
  };
}

/** The thread that could accept a connection sleeps for good, so that the system answers none after two. */
const LISTEN_AND_SLEEP = `
  const { parentPort, workerData } = require('node:worker_threads');
  require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage('listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** A host that does not answer at all, as one whose packets a firewall drops. */
export async function openSilentAddress(
  address: string,
  port: number,
): Promise<Pick<SecondAddress, 'close'>> {
  const worker = new Worker(LISTEN_AND_SLEEP, { eval: true, workerData: { host: address, port } });
  await once(worker, 'message');
  // Fills the queue of connections that wait to be accepted.
  const waiting = [connect(port, address), connect(port, address)];
  for (const socket of waiting) {
    socket.on('error', () => {});
    await once(socket, 'connect');
  }
  return {
    close: async () => {
      for (const socket of waiting) socket.destroy();
      await worker.terminate();
    },
  };
}

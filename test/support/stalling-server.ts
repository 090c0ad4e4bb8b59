import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * How a service of AWS fails to come to an end: no answer at all, headers and then nothing, or a byte now and then
 * for ever. The last keeps a limit on silence from ever being reached.
 */
export const STALLS = ['silent', 'stalls in the body', 'trickles'] as const;

type Stall = (typeof STALLS)[number];

export interface StallingServer extends AsyncDisposable {
  readonly url: string;
  /** Resolves when a client has given an answer up. */
  abandoned(options: { readonly signal: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts an HTTP server on 127.0.0.1 that reads each request whole and never ends its answer. */
export async function startStallingServer(stall: Stall, contentLength = 10_000): Promise<StallingServer> {
  const events = new EventEmitter();
  const server = createServer((request, response) => {
    response.on('close', () => events.emit('abandoned'));
    request.resume().on('end', () => answer(response, stall, contentLength));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    abandoned: (options) => once(events, 'abandoned', options),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function answer(response: ServerResponse, stall: Stall, contentLength: number): void {
  if (stall === 'silent') return;
  response.writeHead(200, { 'content-type': 'text/xml', 'content-length': String(contentLength) });
  response.write('<');
  if (stall === 'stalls in the body') return;
  const trickle = setInterval(() => response.write('x'), 20);
  response.on('close', () => clearInterval(trickle));
}

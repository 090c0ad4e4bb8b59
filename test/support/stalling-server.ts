import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * How an AWS service never completes a response: no response at all, headers and then nothing, or a byte now
 * and then forever. The last never reaches an idle time-out.
 */
export const STALLS = ['silent', 'stalls in the body', 'trickles'] as const;

type Stall = (typeof STALLS)[number];

export interface StallingServer extends AsyncDisposable {
  readonly url: string;
  /** Resolves when a client has given up a response. */
  abandoned(options: { readonly signal: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts an HTTP server on 127.0.0.1 that reads each request and never ends its response. */
export async function startStallingServer(stall: Stall, contentLength = 10_000): Promise<StallingServer> {
  const events = new EventEmitter();
  const server = createServer((request, response) => {
    response.on('close', () => events.emit('abandoned'));
    request.resume().on('end', () => respond(response, stall, contentLength));
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

function respond(response: ServerResponse, stall: Stall, contentLength: number): void {
  if (stall === 'silent') return;
  response.writeHead(200, { 'content-type': 'text/xml', 'content-length': String(contentLength) });
  response.write('<');
  if (stall === 'stalls in the body') return;
  const trickle = setInterval(() => response.write('x'), 20);
  response.on('close', () => clearInterval(trickle));
}

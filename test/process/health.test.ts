import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HealthChecks, MetricsSource } from '../../lib/process/health.ts';
import { type HealthServerLimits, startHealthServer } from '../../lib/process/health.ts';

const WELL: HealthChecks = {
  live: () => ({ live: true, sinceLastTurnMs: 12 }),
  ready: async () => ({ missing: [], breaker: 'closed' }),
};
const METRICS: MetricsSource = {
  render: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'outbound_taken_total 7\n' }),
};
const NEVER = new Promise<never>(() => {});

const atEnd: (() => unknown)[] = [];

async function start(
  parts: {
    host?: 'any';
    checks?: Partial<HealthChecks>;
    metrics?: MetricsSource;
    limits?: Partial<HealthServerLimits>;
  } = {},
) {
  const server = await startHealthServer({
    host: parts.host === 'any' ? undefined : '127.0.0.1',
    port: 0,
    checks: { ...WELL, ...parts.checks },
    metrics: parts.metrics ?? METRICS,
    limits: parts.limits,
  });
  atEnd.push(() => server.close());
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  atEnd.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** `once` would reject on a reset, which is one of the ways to close a connection. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

const REQUEST_START = 'http.server.request.start';

function isRequestStart(message: unknown): message is { readonly socket: Socket } {
  return (
    typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket
  );
}

afterEach(async () => {
  for (const end of atEnd.splice(0)) await end();
});

describe('the health server', () => {
  it('reports that the process is live, and that it is stuck', async () => {
    const well = await fetch(`${(await start()).url}/healthz`);
    expect(well.status).toBe(200);
    await expect(well.json()).resolves.toEqual({ status: 'live', sinceLastTurnMs: 12 });

    const live = () => ({ live: false, sinceLastTurnMs: 90_000 });
    const stuck = await fetch(`${(await start({ checks: { live } })).url}/healthz`);
    expect(stuck.status).toBe(503);
    await expect(stuck.json()).resolves.toEqual({ status: 'stuck', sinceLastTurnMs: 90_000 });
  });

  it.each([['database'], ['draining']] as const)('is not ready if this is missing: %s', async (missing) => {
    const { url } = await start({
      checks: { ready: async () => ({ missing: [missing], breaker: 'closed' }) },
    });

    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    await expect(response.json()).resolves.toEqual({
      status: 'not-ready',
      missing: [missing],
      breaker: 'closed',
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is ready with an open breaker, and shows it', async () => {
    const { url } = await start({ checks: { ready: async () => ({ missing: [], breaker: 'open' }) } });

    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(200);
    await expect(response.json()).resolves.toEqual({ status: 'ready', missing: [], breaker: 'open' });
  });

  it('serves the metrics with their content type, and also with a query', async () => {
    const response = await fetch(`${(await start()).url}/metrics?name[]=outbound_taken_total`);

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    await expect(response.text()).resolves.toBe('outbound_taken_total 7\n');
  });

  it('answers HEAD as GET, without a body', async () => {
    const { url } = await start();
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const [head, full] = await Promise.all([
        fetch(url + path, { method: 'HEAD' }),
        fetch(url + path).then(async (answer) => ({ answer, body: await answer.text() })),
      ]);
      expect(head.status).toBe(full.answer.status);
      expect(head.headers.get('content-length')).toBe(String(full.body.length));
      await expect(head.text()).resolves.toBe('');
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('does not accept %s', async (method) => {
    const body = method === 'OPTIONS' ? null : 'x'.repeat(100_000);
    const response = await fetch(`${(await start()).url}/metrics`, { method, body });

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it.each(['/', '/healthz/', '/metrics/../etc/passwd/x', '/constructor', '//healthz', '/%2e'])(
    'responds with 404 at %s',
    async (path) => {
      const socket = await open((await start()).port);
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      await expect(text(socket)).resolves.toMatch(/^HTTP\/1\.1 404 /);
    },
  );

  it.each(['127.0.0.1', '[::1]'])('listens on IPv4 and IPv6 if no address is set: %s', async (address) => {
    const { port } = await start({ host: 'any' });

    expect((await fetch(`http://${address}:${port}/healthz`)).status).toBe(200);
  });

  it('fails if its port is in use', async () => {
    const { port } = await start();
    await expect(
      startHealthServer({ host: '127.0.0.1', port, checks: WELL, metrics: METRICS }),
    ).rejects.toThrow('EADDRINUSE');
  });
});

describe('a response of the health server', () => {
  it('is sent in time if a check or the metrics hang', async () => {
    const { url } = await start({
      checks: { ready: () => NEVER },
      metrics: { render: () => NEVER },
      limits: { answerTimeoutMs: 20 },
    });
    for (const path of ['/readyz', '/metrics']) {
      const response = await fetch(url + path);
      expect(response.status).toBe(503);
      await expect(response.json()).resolves.toEqual({ status: 'check-timed-out' });
    }
  });

  it('reveals no internal error', async () => {
    const fail = () => {
      throw new Error('connect ECONNREFUSED postgres://api:secret@10.0.0.1');
    };
    const { url } = await start({
      checks: { live: fail, ready: async () => fail() },
      metrics: { render: fail },
    });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const response = await fetch(url + path);
      expect(response.status).toBe(503);
      await expect(response.json()).resolves.toEqual({ status: 'check-failed' });
    }
  });
});

describe('a client of the health server', () => {
  it.each([
    ['sends half a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    ['sends nothing', ''],
    ['sends less body than it announced', 'POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx'],
  ])('is disconnected if it %s and waits', async (_, start_) => {
    const { port, url } = await start({ limits: { requestTimeoutMs: 100, idleTimeoutMs: 200 } });
    const socket = await open(port);
    socket.write(start_);
    const response = await text(socket).catch(() => 'reset');

    expect(response).not.toContain(' 200 ');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    ['sends nothing', ''],
    ['sends half a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    ['keeps its connection after a response', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('leaves the others their answer if it %s on 300 connections', async (_, start_) => {
    const { port, url } = await start();
    for (let count = 0; count < 300; count += 1) {
      const socket = await open(port);
      socket.write(start_);
      if (start_.endsWith('\r\n\r\n')) await once(socket, 'data');
    }

    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await fetch(url + path)).status).toBe(200);
  });

  it('is disconnected last while it waits for its response', async () => {
    const rendered = Promise.withResolvers<{ contentType: string; body: string }>();
    const requested = Promise.withResolvers<void>();
    const render = () => {
      requested.resolve();
      return rendered.promise;
    };
    const { port, url } = await start({ metrics: { render } });
    const scrape = fetch(`${url}/metrics`).then((response) => response.text());
    await requested.promise;
    const idle: Socket[] = [];
    for (let count = 0; count < 300; count += 1) idle.push(await open(port));
    const [first] = idle;
    if (first !== undefined && !first.closed) await closed(first.resume());

    rendered.resolve({ contentType: 'text/plain', body: 'the numbers\n' });
    await expect(scrape).resolves.toBe('the numbers\n');
  });

  it('is disconnected if it sends its header byte by byte', async () => {
    const { port } = await start({ limits: { requestTimeoutMs: 100 } });
    const socket = await open(port);
    socket.write('GET /healthz HTTP/1.1\r\nx-slow: ');
    const dripping = setInterval(() => socket.write('x'), 10);
    const response = await text(socket).catch(() => 'reset');
    clearInterval(dripping);

    expect(response).toMatch(/^(HTTP\/1\.1 408 |reset$)/);
  });

  it.each([
    ['not HTTP', Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00])],
    ['an endless header', Buffer.from(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`)],
    ['a tunnel', Buffer.from('CONNECT 10.0.0.1:25 HTTP/1.1\r\nhost: x\r\n\r\n')],
  ])('is disconnected if it sends %s', async (_, garbage) => {
    const { port, url } = await start();
    const socket = await open(port);
    socket.write(garbage);
    const response = await text(socket).catch(() => 'reset');

    expect(response).toMatch(/^(HTTP\/1\.1 4\d\d |reset$|$)/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is disconnected if it does not read the response', async () => {
    const { port } = await start({
      metrics: { render: async () => ({ contentType: 'text/plain', body: 'x'.repeat(64 * 1024 * 1024) }) },
      limits: { idleTimeoutMs: 100 },
    });
    const socket = await open(port);
    socket.pause();
    const cut = new Promise<void>((resolve) => {
      // The client does not read, so it cannot notice the end; the server's side of the connection can.
      const onRequest = (message: unknown) => {
        unsubscribe(REQUEST_START, onRequest);
        if (isRequestStart(message)) closed(message.socket).then(resolve, resolve);
      };
      subscribe(REQUEST_START, onRequest);
    });
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await cut;
  });
});

describe('closing the health server', () => {
  it('ends keep-alive connections, and accepts no new one', async () => {
    const { port, url, close } = await start();
    const agent = new Agent({ keepAlive: true });
    atEnd.push(() => agent.destroy());
    const [response] = await once(get(`${url}/healthz`, { agent }), 'response');
    response.resume();
    await once(response, 'end');
    const kept: Socket[] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    expect(kept).toHaveLength(1);
    const ended = kept.map(closed);

    await close();

    await Promise.all(ended);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  it('finishes a response in progress', async () => {
    const requested = Promise.withResolvers<void>();
    const rendered = Promise.withResolvers<string>();
    const { url, close } = await start({
      metrics: {
        render: async () => {
          requested.resolve();
          return { contentType: 'text/plain', body: await rendered.promise };
        },
      },
    });
    const response = fetch(`${url}/metrics`).then((received) => received.text());
    await requested.promise;
    const closing = close();
    rendered.resolve('the last numbers\n');

    await expect(response).resolves.toBe('the last numbers\n');
    await closing;
  });

  it('does not wait for a client that never finishes its request', async () => {
    const { port, close } = await start();
    const socket = await open(port);
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    const ended = closed(socket);
    socket.resume();

    await close();
    await ended;
  });

  it('may be called twice', async () => {
    const { close } = await start();
    await Promise.all([close(), close()]);
    await close();
  });
});

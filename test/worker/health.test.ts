import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HealthChecks, MetricsSource } from '../../lib/worker/health.ts';
import { type HealthServerLimits, startHealthServer } from '../../lib/worker/health.ts';

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
    checks?: Partial<HealthChecks>;
    metrics?: MetricsSource;
    limits?: Partial<HealthServerLimits>;
  } = {},
) {
  const server = await startHealthServer({
    host: '127.0.0.1',
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

/** `once` would take the reset, which is one of the ways to be cut off, for a failure. */
function cutOff(socket: Socket): Promise<void> {
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
  it('says that the process lives, and that it is stuck', async () => {
    const well = await fetch(`${(await start()).url}/healthz`);
    expect(well.status).toBe(200);
    await expect(well.json()).resolves.toEqual({ status: 'live', sinceLastTurnMs: 12 });

    const live = () => ({ live: false, sinceLastTurnMs: 90_000 });
    const stuck = await fetch(`${(await start({ checks: { live } })).url}/healthz`);
    expect(stuck.status).toBe(503);
    await expect(stuck.json()).resolves.toEqual({ status: 'stuck', sinceLastTurnMs: 90_000 });
  });

  it.each([['database'], ['draining']] as const)('is not ready where it lacks: %s', async (missing) => {
    const { url } = await start({
      checks: { ready: async () => ({ missing: [missing], breaker: 'closed' }) },
    });

    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    await expect(answer.json()).resolves.toEqual({
      status: 'not-ready',
      missing: [missing],
      breaker: 'closed',
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is ready with an open breaker, and shows it', async () => {
    const { url } = await start({ checks: { ready: async () => ({ missing: [], breaker: 'open' }) } });

    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(200);
    await expect(answer.json()).resolves.toEqual({ status: 'ready', missing: [], breaker: 'open' });
  });

  it('serves the metrics in their own type, with a query too', async () => {
    const answer = await fetch(`${(await start()).url}/metrics?name[]=outbound_taken_total`);

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    await expect(answer.text()).resolves.toBe('outbound_taken_total 7\n');
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

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('does not take %s', async (method) => {
    const body = method === 'OPTIONS' ? null : 'x'.repeat(100_000);
    const answer = await fetch(`${(await start()).url}/metrics`, { method, body });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it.each(['/', '/healthz/', '/metrics/../etc/passwd/x', '/constructor', '//healthz', '/%2e'])(
    'has nothing at %s',
    async (path) => {
      const socket = await open((await start()).port);
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      await expect(text(socket)).resolves.toMatch(/^HTTP\/1\.1 404 /);
    },
  );

  it('fails where its port is taken', async () => {
    const { port } = await start();
    await expect(
      startHealthServer({ host: '127.0.0.1', port, checks: WELL, metrics: METRICS }),
    ).rejects.toThrow('EADDRINUSE');
  });
});

describe('an answer of the health server', () => {
  it('comes in time where a check or the metrics hang', async () => {
    const { url } = await start({
      checks: { ready: () => NEVER },
      metrics: { render: () => NEVER },
      limits: { answerTimeoutMs: 20 },
    });
    for (const path of ['/readyz', '/metrics']) {
      const answer = await fetch(url + path);
      expect(answer.status).toBe(503);
      await expect(answer.json()).resolves.toEqual({ status: 'check-timed-out' });
    }
  });

  it('tells nothing of what went wrong inside', async () => {
    const fail = () => {
      throw new Error('connect ECONNREFUSED postgres://api:secret@10.0.0.1');
    };
    const { url } = await start({
      checks: { live: fail, ready: async () => fail() },
      metrics: { render: fail },
    });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const answer = await fetch(url + path);
      expect(answer.status).toBe(503);
      await expect(answer.json()).resolves.toEqual({ status: 'check-failed' });
    }
  });
});

describe('a client of the health server', () => {
  it.each([
    ['sends half a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    ['sends nothing', ''],
    ['sends less body than it announced', 'POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx'],
  ])('is cut off where it %s and waits', async (_, start_) => {
    const { port, url } = await start({ limits: { requestTimeoutMs: 100, idleTimeoutMs: 200 } });
    const socket = await open(port);
    socket.write(start_);
    const answer = await text(socket).catch(() => 'reset');

    expect(answer).not.toContain(' 200 ');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is cut off where it sends its header byte by byte', async () => {
    const { port } = await start({ limits: { requestTimeoutMs: 100 } });
    const socket = await open(port);
    socket.write('GET /healthz HTTP/1.1\r\nx-slow: ');
    const dripping = setInterval(() => socket.write('x'), 10);
    const answer = await text(socket).catch(() => 'reset');
    clearInterval(dripping);

    expect(answer).toMatch(/^(HTTP\/1\.1 408 |reset$)/);
  });

  it.each([
    ['no HTTP', Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00])],
    ['a header without end', Buffer.from(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`)],
    ['a tunnel', Buffer.from('CONNECT 10.0.0.1:25 HTTP/1.1\r\nhost: x\r\n\r\n')],
  ])('is cut off where it sends %s', async (_, garbage) => {
    const { port, url } = await start();
    const socket = await open(port);
    socket.write(garbage);
    const answer = await text(socket).catch(() => 'reset');

    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |reset$|$)/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is cut off where it does not read what it asked for', async () => {
    const { port } = await start({
      metrics: { render: async () => ({ contentType: 'text/plain', body: 'x'.repeat(64 * 1024 * 1024) }) },
      limits: { idleTimeoutMs: 100 },
    });
    const socket = await open(port);
    socket.pause();
    const cut = new Promise<void>((resolve) => {
      // The client does not read, so it could not tell; the server's end of the connection can.
      const onRequest = (message: unknown) => {
        unsubscribe(REQUEST_START, onRequest);
        if (isRequestStart(message)) cutOff(message.socket).then(resolve, resolve);
      };
      subscribe(REQUEST_START, onRequest);
    });
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await cut;
  });
});

describe('closing the health server', () => {
  it('ends connections that are kept alive, and takes no new one', async () => {
    const { port, url, close } = await start();
    const agent = new Agent({ keepAlive: true });
    atEnd.push(() => agent.destroy());
    const [response] = await once(get(`${url}/healthz`, { agent }), 'response');
    response.resume();
    await once(response, 'end');
    const kept: Socket[] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    expect(kept).toHaveLength(1);
    const ended = kept.map(cutOff);

    await close();

    await Promise.all(ended);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  it('lets an answer under way go out', async () => {
    const asked = Promise.withResolvers<void>();
    const rendered = Promise.withResolvers<string>();
    const { url, close } = await start({
      metrics: {
        render: async () => {
          asked.resolve();
          return { contentType: 'text/plain', body: await rendered.promise };
        },
      },
    });
    const answer = fetch(`${url}/metrics`).then((response) => response.text());
    await asked.promise;
    const closed = close();
    rendered.resolve('the last numbers\n');

    await expect(answer).resolves.toBe('the last numbers\n');
    await closed;
  });

  it('does not wait for a client that never finishes its request', async () => {
    const { port, close } = await start();
    const socket = await open(port);
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    const ended = cutOff(socket);
    socket.resume();

    await close();
    await ended;
  });

  it('may be asked for twice', async () => {
    const { close } = await start();
    await Promise.all([close(), close()]);
    await close();
  });
});

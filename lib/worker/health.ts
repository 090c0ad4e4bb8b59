import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { withTimeout } from '../common/async.ts';
import { type Log, silentLog } from '../ports/runtime.ts';

/** A scrape's question to the outbox (2 s) fits in; the probes of Kubernetes wait a little longer than this. */
export const HEALTH_ANSWER_TIMEOUT_MS = 3_000;

export interface HealthServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly checks: HealthChecks;
  readonly metrics: MetricsSource;
  /** @default nowhere */
  readonly log?: Log | undefined;
  /** @default 3 s for an answer, 5 s for a request to come in, 10 s for a connection on which nothing moves */
  readonly limits?: Partial<HealthServerLimits> | undefined;
}

export interface HealthServerLimits {
  /** The longest that a check or a scrape may take. */
  readonly answerTimeoutMs: number;
  /** The longest that a client may take to send its request. */
  readonly requestTimeoutMs: number;
  /** The longest that nothing may move on a connection. */
  readonly idleTimeoutMs: number;
}

export interface HealthServer {
  readonly port: number;
  /** Takes no new connection, lets answers under way go out and ends all connections. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: HealthServerLimits = {
  answerTimeoutMs: HEALTH_ANSWER_TIMEOUT_MS,
  requestTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
};

/** Far more than the probes and a few Prometheus servers need, far less than would use up the file descriptors. */
const MAX_CONNECTIONS = 256;

/**
 * Serves `/healthz`, `/readyz` and `/metrics`.
 *
 * @throws where the port cannot be had
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const answers = healthAnswers(options.checks, options.metrics, limits.answerTimeoutMs);
  const underWay = new Set<Promise<void>>();
  const server = boundedServer(limits, (request, response) => {
    const answering = respond(request, response, answers).finally(() => underWay.delete(answering));
    underWay.add(answering);
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  // Without a listener, a connection that cannot be accepted (no file descriptor left) would end the process.
  server.on('error', ({ name, message }) =>
    (options.log ?? silentLog).warn('health-server-error', { error: `${name}: ${message}` }),
  );
  return { port: portOf(server), close: () => closeServer(server, underWay, limits.answerTimeoutMs) };
}

function boundedServer(
  limits: HealthServerLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      // Node looks for late requests at this interval, every 30 s by default: the two times above are no shorter.
      connectionsCheckingInterval: Math.ceil(limits.requestTimeoutMs / 5),
      keepAliveTimeout: limits.idleTimeoutMs,
    },
    onRequest,
  );
  // Also ends the connection of a client that does not read what it asked for.
  server.timeout = limits.idleTimeoutMs;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

/** Never rejects: a client that goes away is its own affair. */
async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answers: ReadonlyMap<string, () => Promise<HealthAnswer>>,
): Promise<void> {
  const answer = answers.get(pathOf(request));
  if (answer === undefined) return send(response, jsonAnswer(404, { status: 'not-found' }));
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, jsonAnswer(405, { status: 'method-not-allowed' }));
  }
  await send(response, await answer());
}

async function send(response: ServerResponse, { status, contentType, body }: HealthAnswer): Promise<void> {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
  await finished(response).catch(() => {});
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function portOf(server: Server): number {
  const address = server.address();
  // A string is the address of a Unix socket; this server is never given one.
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(
  server: Server,
  underWay: ReadonlySet<Promise<void>>,
  patienceMs: number,
): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await withTimeout(Promise.all(underWay), patienceMs);
  server.closeAllConnections();
  await closed;
}

/** Whether the process does its work; where it does not, only a restart helps. */
export interface Liveness {
  readonly live: boolean;
  /** Since the loop last turned. */
  readonly sinceLastTurnMs: number;
}

/** Whether the worker can claim deliveries now. */
export interface Readiness {
  /** What keeps it from that; empty where it is ready. */
  readonly missing: readonly ('database' | 'draining')[];
  /** Shown, and no reason to be unready: while SMTP is down the queue takes the mail. */
  readonly breaker: 'closed' | 'open';
}

export interface HealthChecks {
  ready(): Promise<Readiness>;
  live(): Liveness;
}

/** What `/metrics` serves. */
export interface MetricsSource {
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

interface HealthAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The answers by path. Each comes within `timeoutMs` and none of them throws. */
function healthAnswers(
  checks: HealthChecks,
  metrics: MetricsSource,
  timeoutMs: number,
): ReadonlyMap<string, () => Promise<HealthAnswer>> {
  return new Map([
    ['/healthz', () => answerInTime(async () => liveAnswer(checks.live()), timeoutMs)],
    ['/readyz', () => answerInTime(async () => readyAnswer(await checks.ready()), timeoutMs)],
    ['/metrics', () => answerInTime(async () => ({ status: 200, ...(await metrics.render()) }), timeoutMs)],
  ]);
}

function jsonAnswer(status: number, content: Readonly<Record<string, unknown>>): HealthAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n` };
}

function liveAnswer({ live, sinceLastTurnMs }: Liveness): HealthAnswer {
  return jsonAnswer(live ? 200 : 503, { status: live ? 'live' : 'stuck', sinceLastTurnMs });
}

function readyAnswer({ missing, breaker }: Readiness): HealthAnswer {
  const ready = missing.length === 0;
  return jsonAnswer(ready ? 200 : 503, { status: ready ? 'ready' : 'not-ready', missing, breaker });
}

/** What went wrong is not told to whoever can reach the port: an error may name hosts and users. */
async function answerInTime(answer: () => Promise<HealthAnswer>, timeoutMs: number): Promise<HealthAnswer> {
  const result = await withTimeout(answer(), timeoutMs);
  return result.kind === 'done'
    ? result.value
    : jsonAnswer(503, { status: result.kind === 'failed' ? 'check-failed' : 'check-timed-out' });
}

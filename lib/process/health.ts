import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { withTimeout } from '../common/async.ts';
import { type Log, silentLog } from '../ports/runtime.ts';

/** Longer than a scrape's outbox query (2 s), a little shorter than the timeout of the Kubernetes probes. */
export const HEALTH_ANSWER_TIMEOUT_MS = 3_000;

export interface HealthServerOptions {
  /** @default every address of the machine, IPv6 and IPv4 */
  readonly host?: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  readonly checks: HealthChecks;
  readonly metrics: MetricsSource;
  /** @default none */
  readonly log?: Log | undefined;
  /** @default 3 s to answer, 5 s to receive a request, 10 s for an idle connection */
  readonly limits?: Partial<HealthServerLimits> | undefined;
}

export interface HealthServerLimits {
  /** Maximum time for a check or a scrape. */
  readonly answerTimeoutMs: number;
  /** Maximum time for a client to send its request. */
  readonly requestTimeoutMs: number;
  /** Maximum idle time of a connection. */
  readonly idleTimeoutMs: number;
}

export interface HealthServer {
  readonly port: number;
  /** Accepts no new connections, finishes responses in progress and closes all connections. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: HealthServerLimits = {
  answerTimeoutMs: HEALTH_ANSWER_TIMEOUT_MS,
  requestTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
};

/** Far more than the probes and a few Prometheus servers need, far fewer than the file descriptor limit. */
const MAX_CONNECTIONS = 256;

/**
 * Serves `/healthz`, `/readyz` and `/metrics`.
 *
 * @throws if the port is not available
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const answers = healthAnswers(options.checks, options.metrics, limits.answerTimeoutMs);
  const inProgress = new Set<Promise<void>>();
  const connections = new BoundedConnections(MAX_CONNECTIONS);
  const server = boundedServer(limits, (request, response) => {
    const answering = connections
      .whileBusy(request.socket, respond(request, response, answers))
      .finally(() => inProgress.delete(answering));
    inProgress.add(answering);
  });
  server.on('connection', (socket) => connections.add(socket));
  // Without a host, Node listens on :: for both families, and on 0.0.0.0 where the machine has no IPv6.
  server.listen({ port: options.port, ...(options.host === undefined ? {} : { host: options.host }) });
  await once(server, 'listening');
  // Without a listener, a connection that cannot be accepted (no file descriptor left) crashes the process.
  server.on('error', ({ name, message }) =>
    (options.log ?? silentLog).warn('health-server-error', { error: `${name}: ${message}` }),
  );
  return { port: portOf(server), close: () => closeServer(server, inProgress, limits.answerTimeoutMs) };
}

function boundedServer(
  limits: HealthServerLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      // Node enforces the two timeouts above only at this interval (default 30 s).
      connectionsCheckingInterval: Math.ceil(limits.requestTimeoutMs / 5),
      keepAliveTimeout: limits.idleTimeoutMs,
    },
    onRequest,
  );
  // Also closes the connection of a client that does not read the response.
  server.timeout = limits.idleTimeoutMs;
  return server;
}

/**
 * Makes room for a new connection by closing the oldest idle one. Node's own `maxConnections` closes the new one:
 * idle clients would make the probes fail, and Kubernetes restart a worker that is well.
 */
class BoundedConnections {
  readonly #max: number;
  /** From the oldest; the value is the number of requests in progress. */
  readonly #busy = new Map<Socket, number>();

  constructor(max: number) {
    this.#max = max;
  }

  add(socket: Socket): void {
    if (this.#busy.size >= this.#max) this.#evict();
    this.#busy.set(socket, 0);
    socket.once('close', () => this.#busy.delete(socket));
  }

  async whileBusy<T>(socket: Socket, answering: Promise<T>): Promise<T> {
    this.#count(socket, 1);
    try {
      return await answering;
    } finally {
      this.#count(socket, -1);
    }
  }

  #count(socket: Socket, change: 1 | -1): void {
    const requests = this.#busy.get(socket);
    if (requests !== undefined) this.#busy.set(socket, requests + change);
  }

  /** Every answer is given within seconds, so that the oldest client with one does not read it. */
  #evict(): void {
    const [oldest] = this.#busy.keys();
    const [idle] = [...this.#busy].find(([, requests]) => requests === 0) ?? [oldest];
    if (idle === undefined) return;
    this.#busy.delete(idle);
    idle.destroy();
  }
}

/** Never rejects: a client that disconnects is not an error. */
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
  // A string is the address of a Unix socket, which this server never uses.
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(
  server: Server,
  inProgress: ReadonlySet<Promise<void>>,
  timeoutMs: number,
): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await withTimeout(Promise.all(inProgress), timeoutMs);
  server.closeAllConnections();
  await closed;
}

/** Whether the process works; if it does not, only a restart helps. */
export interface Liveness {
  readonly live: boolean;
  /** Time since the last loop iteration. */
  readonly sinceLastTurnMs: number;
}

/** Whether the process can do its work now. */
export interface Readiness {
  /** What prevents it; empty if ready. */
  readonly missing: readonly ('database' | 'schema' | 'claims' | 'listeners' | 'draining')[];
  /** What is wrong, in words that may be shown to anyone. */
  readonly reason?: string;
  /**
   * For information only, does not affect readiness: while SMTP is down the queue accepts the mail. Absent if there is no
   * SMTP server.
   */
  readonly breaker?: 'closed' | 'open' | undefined;
  /** What is wrong and does not affect readiness, such as a fallback that would accept nothing. */
  readonly warnings?: readonly string[];
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

/** The handlers by path. Each resolves within `timeoutMs` and never throws. */
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

function readyAnswer({ missing, breaker, reason, warnings = [] }: Readiness): HealthAnswer {
  const ready = missing.length === 0;
  return jsonAnswer(ready ? 200 : 503, {
    status: ready ? 'ready' : 'not-ready',
    missing,
    breaker,
    reason,
    ...(warnings.length === 0 ? {} : { warnings }),
  });
}

/** Does not expose the error to HTTP clients: it may name hosts and users. */
async function answerInTime(answer: () => Promise<HealthAnswer>, timeoutMs: number): Promise<HealthAnswer> {
  const result = await withTimeout(answer(), timeoutMs);
  return result.kind === 'done'
    ? result.value
    : jsonAnswer(503, { status: result.kind === 'failed' ? 'check-failed' : 'check-timed-out' });
}

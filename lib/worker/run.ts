import { OutboxSchemaError } from '../adapters/postgres/errors.ts';
import { PostgresOutbox } from '../adapters/postgres/postgres-outbox.ts';
import { singleFlight } from '../common/async.ts';
import { createMailer } from '../mailer/create-mailer.ts';
import type { Log } from '../ports/runtime.ts';
import { FallbackCheck } from '../process/fallback-check.ts';
import type { Liveness, Readiness } from '../process/health.ts';
import { startHealthServer } from '../process/health.ts';
import { createWorker } from './create-worker.ts';
import { connectionOf } from './database-settings.ts';
import { createWorkerMetrics } from './metrics.ts';
import { publishMetrics } from './publish-metrics.ts';
import { consumeReceipts } from './receipt-consumer.ts';
import type { WorkerSettings } from './settings.ts';
import type { OutboundWorker, WorkerStatus } from './worker.ts';

/**
 * A loop with no iteration for this long is stuck: its longest wait is the poll interval, and its slowest
 * statement times out within seconds.
 */
const STUCK_AFTER_MS = 60_000;

/** Once at the start: mail goes out all the same, only later than it could. */
const NO_URGENT_QUEUE =
  'FALLBACK_URGENT_QUEUE_URL is not set: in an outage urgent mail waits in the fallback queue behind all other; it is ' +
  'an output of the pipeline stack, and in the secret that mailctl rotate writes';

/** Publish even if the drain used all of its time; the process gets a little longer than the drain. */
const MIN_PUBLISHING_MS = 1_000;

export interface RunningWorker {
  readonly httpPort: number;
  /** @returns how many deliveries are left for other workers */
  stop(): Promise<number>;
}

/** Runs the worker's process: outbox, mailer, loop, and the HTTP server for health and metrics. */
export async function runWorker(settings: WorkerSettings, log: Log): Promise<RunningWorker> {
  const outbox = new PostgresOutbox({
    ...connectionOf(settings.database),
    workerId: settings.workerId,
    providers: settings.providers,
    defaultTimeToLiveMs: settings.mailer.timeToLiveMs,
    awaitsStatuses: settings.receiptsQueueUrl !== undefined,
    log,
  });
  if (settings.mailer.fallback.urgentQueueUrl === undefined)
    log.warn('urgent-queue-not-set', { message: NO_URGENT_QUEUE });
  const readStats = singleFlight(() => outbox.stats());
  const metrics = createWorkerMetrics(readStats);
  const publication = await publishMetrics(settings, readStats, log);
  const mailer = createMailer(settings.mailer, {
    log,
    onSmtpState: (state) => metrics.observer.breaker(state),
    onForeignSender: metrics.foreignSender,
  });
  const worker = createWorker({
    outbox,
    mailer,
    workerId: settings.workerId,
    tuning: settings,
    observer: {
      ...metrics.observer,
      completed: (event) => {
        metrics.observer.completed(event);
        publication.settled(event);
      },
    },
    log,
  });
  const fallback = new FallbackCheck({
    check: () => mailer.verifyFallback(),
    onChecked: metrics.fallback,
    log,
  });
  const health = await startHealthServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics,
    checks: {
      live: () => liveness(worker, settings.pollIntervalMs),
      ready: async () => ({
        ...(await readiness(worker, outbox, mailer.smtpState)),
        warnings: fallback.warnings,
      }),
    },
  });
  worker.start();
  fallback.start();
  publication.start();
  const receipts = consumeReceipts(settings, metrics.receipts, log);
  return {
    httpPort: health.port,
    stop: async () => {
      fallback.stop();
      const drainedBy = performance.now() + settings.drainTimeoutMs;
      const [left] = await Promise.all([
        worker.drain(settings.drainTimeoutMs),
        receipts.stop(settings.drainTimeoutMs),
      ]);
      // Last, so that it includes what the drain finished.
      await publication.stop(Math.max(drainedBy - performance.now(), MIN_PUBLISHING_MS));
      await health.close();
      // The rest waits for a server that does not respond; closing would only delay the exit.
      if (left === 0) await mailer.close();
      await outbox.close();
      return left;
    },
  };
}

function liveness(worker: OutboundWorker, pollIntervalMs: number): Liveness {
  const sinceLastTurnMs = Date.now() - worker.status.lastTurn.getTime();
  return { live: sinceLastTurnMs < STUCK_AFTER_MS + pollIntervalMs, sinceLastTurnMs };
}

async function readiness(
  worker: OutboundWorker,
  outbox: PostgresOutbox,
  breaker: Readiness['breaker'],
): Promise<Readiness> {
  const wrong = (await outbox.ping().then(() => undefined, databaseProblem)) ?? claimProblem(worker.status);
  return {
    breaker,
    missing: [
      ...(wrong === undefined ? [] : [wrong.missing]),
      ...(worker.status.draining ? ['draining' as const] : []),
    ],
    ...(wrong?.reason === undefined ? {} : { reason: wrong.reason }),
  };
}

interface Problem {
  readonly missing: Readiness['missing'][number];
  readonly reason?: string;
}

/** The reason names tables, columns and types; any other error may name hosts and users. */
function databaseProblem(error: unknown): Problem {
  return error instanceof OutboxSchemaError
    ? { missing: 'schema', reason: error.message }
    : { missing: 'database' };
}

/** The database may respond while no claim succeeds: it may be too slow for the statement. */
function claimProblem({ claimsFail }: WorkerStatus): Problem | undefined {
  if (claimsFail === undefined) return undefined;
  const { since, code } = claimsFail;
  return { missing: 'claims', reason: `no claim succeeds since ${since.toISOString()}: ${code}` };
}

import { randomUUID } from 'node:crypto';
import type { Mailer } from '../mailer/mailer.ts';
import type { Outbox } from '../ports/outbox.ts';
import { silentObserver, type WorkerObserver } from '../ports/outbox.ts';
import { type Log, silentLog, systemClock } from '../ports/runtime.ts';
import { OutboundWorker, type WorkerTuning } from './worker.ts';

export interface CreateWorkerOptions {
  /** Where the mails are: `PostgresOutbox`, or your own table behind the same port. */
  readonly outbox: Outbox;
  readonly mailer: Mailer;
  /** Stands in each trace. @default a random one */
  readonly workerId?: string;
  /** What is left out has its default. */
  readonly tuning?: Partial<WorkerTuning>;
  /** Is told what happens, to count it. @default nobody */
  readonly observer?: WorkerObserver;
  /** @default nowhere */
  readonly log?: Log;
}

const DEFAULT_TUNING: WorkerTuning = {
  leaseMs: 60_000,
  pollIntervalMs: 2_000,
  concurrency: 10,
  handOverConcurrency: 200,
  retryMaxMs: 300_000,
};

/** A worker for those who keep their own process; `start` it, and `drain` it before the process ends. */
export function createWorker(options: CreateWorkerOptions): OutboundWorker {
  return new OutboundWorker({
    outbox: options.outbox,
    mailer: options.mailer,
    workerId: options.workerId ?? randomUUID(),
    tuning: { ...DEFAULT_TUNING, ...options.tuning },
    observer: options.observer ?? silentObserver,
    log: options.log ?? silentLog,
    clock: systemClock,
    random: Math.random,
  });
}

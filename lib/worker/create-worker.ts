import { randomUUID } from 'node:crypto';
import type { Mailer } from '../mailer/mailer.ts';
import type { Outbox } from '../ports/outbox.ts';
import { silentObserver, type WorkerObserver } from '../ports/outbox.ts';
import { type Log, silentLog, systemClock } from '../ports/runtime.ts';
import { OutboundWorker, type WorkerTuning } from './worker.ts';

export interface CreateWorkerOptions {
  /** Holds the mails: `PostgresOutbox`, or your own table behind the same port. */
  readonly outbox: Outbox;
  readonly mailer: Mailer;
  /** Written to each trace. @default random */
  readonly workerId?: string;
  /** Omitted fields have their defaults. */
  readonly tuning?: Partial<WorkerTuning>;
  /** Counts events. @default none */
  readonly observer?: WorkerObserver;
  /** @default none */
  readonly log?: Log;
}

/** The defaults of the process's settings, too; there, `concurrency` follows from the connections. */
export const DEFAULT_TUNING: WorkerTuning = {
  leaseMs: 60_000,
  pollIntervalMs: 2_000,
  concurrency: 10,
  handOverConcurrency: 200,
  retryMaxMs: 300_000,
  takeOverDelayMs: 30_000,
  // Whatever is above the priority that a row has by default.
  urgentPriority: 1,
};

/** A worker for use in your own process; `start` it, and `drain` it before the process exits. */
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

import type { FailureClass } from '../message/failure.ts';
import type { Outcome } from '../message/outcome.ts';

/** A claimed delivery whose outcome is known. */
export interface SettledEvent {
  readonly outcome: Outcome['kind'];
  /** Why SMTP did not take it, or not for all. */
  readonly failureClass?: FailureClass;
  /** Why it can never be sent. */
  readonly reason?: string;
  /** From the moment the delivery was due until it was claimed. */
  readonly waitedMs: number;
  /** From the claim until SMTP or the queue had answered for it. */
  readonly handledMs: number;
}

/** Is told what a worker does, to count it. It never throws and never keeps the worker waiting. */
export interface WorkerObserver {
  claimed(count: number): void;
  settled(event: SettledEvent): void;
  /** The circuit breaker opened, or closed again. */
  breaker(state: 'closed' | 'open'): void;
  /** A delivery's outcome came when its lease had gone to another worker. */
  lateSettlement(): void;
  /** The outbox could not be asked. */
  outboxError(code: string): void;
}

export const silentObserver: WorkerObserver = {
  claimed: () => {},
  settled: () => {},
  breaker: () => {},
  lateSettlement: () => {},
  outboxError: () => {},
};

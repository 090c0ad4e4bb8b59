import type { StatusKind } from '../domain/delivery-status.ts';
import type { FailureClass } from '../domain/failure.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { StoredMail } from '../domain/stored-mail.ts';

/** The way a worker means to send what it claims; it stands on the lease for those who may have to take over. */
export type LeaseRoute = 'smtp' | 'queue';

/** A delivery that is this worker's alone until its lease ends. */
export interface Claim {
  readonly id: string;
  readonly tenantId?: string;
  readonly mail: StoredMail;
  /** The recipients still owed, where an earlier attempt reached some of them. */
  readonly owed?: readonly string[];
  /**
   * Recipients, by their `addressKey`, that SES has though no attempt handed them over: the queue had taken the mail,
   * and its answer was lost. Receipts have told so. They must not get the mail again.
   */
  readonly inSes?: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** How long it was due before it was claimed, in milliseconds, by the clock of the outbox. */
  readonly waitedMs: number;
  /** Attempts so far, this one included. */
  readonly attempts: number;
  /**
   * The worker that had it died or lost its lease while it may have been sending by SMTP: the mail's data may have
   * been on the wire.
   */
  readonly reclaimed: boolean;
}

/** One try, as it is kept in the row for ever. */
export interface TraceAttempt {
  /** ISO 8601. */
  readonly at: string;
  readonly outcome: 'taken' | 'handed-over' | 'split' | 'held' | 'not-accepted' | 'refused';
  readonly durationMs: number;
  readonly worker: string;
  /** The Message-ID header that the mail was sent with. */
  readonly messageId?: string;
  /** What SMTP took, and its answer. */
  readonly smtp?: { readonly recipients: readonly string[]; readonly response: string };
  /** Why SMTP did not take it, or not for all. */
  readonly failure?: Readonly<Record<string, string>>;
  /** What the queue took; without a message id, what only receipts tell that it took. */
  readonly queue?: { readonly recipients: readonly string[]; readonly queueMessageId?: string };
  /** Whom a refused mail was owed to, where that is known. */
  readonly owed?: readonly string[];
  /** Why neither way took it, why it can never be sent, or how else it is known what became of it. */
  readonly reason?: string;
}

/** Where a delivery stands after an attempt. */
export type NextState =
  /** Taken by SMTP for everyone. */
  | { readonly kind: 'delivered' }
  /** Handed over; its status comes back later. */
  | { readonly kind: 'handed-over' }
  /** SMTP may have taken it; a person decides. */
  | { readonly kind: 'held'; readonly reason: string }
  /** It can never be sent. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It is tried again, for these recipients; none named means all of the mail's. */
  | {
      readonly kind: 'queued';
      readonly retryAfterMs: number;
      readonly owed: readonly string[];
      readonly reason: string;
    };

export interface Completion {
  readonly id: string;
  readonly next: NextState;
  readonly attempt: TraceAttempt;
}

export interface OutboxStats {
  /** Deliveries that wait, due or not; of a large backlog, as many as were counted. */
  readonly queued: number;
  /** Age of the oldest that is due, in seconds; 0 where none is. */
  readonly oldestDueSeconds: number;
  /**
   * Deliveries handed over more than two days ago whose status never came back; of many, as many as were counted. Absent
   * where statuses are not brought back, or not counted.
   */
  readonly statusesOverdue?: number;
}

/**
 * Where the API leaves its mails and learns what became of them. Each method throws where the outbox cannot be
 * asked now; nothing is lost by that, and the caller tries again.
 */
export interface Outbox {
  /**
   * Takes due deliveries under a lease: the urgent first, and among equals each tenant in its turn. It may take fewer
   * than `limit` though more are due.
   */
  claim(request: {
    readonly limit: number;
    readonly leaseMs: number;
    readonly route: LeaseRoute;
  }): Promise<Claim[]>;
  /**
   * Writes what became of claimed deliveries, and ends their leases. Where it throws it has to be called again with
   * the same settlements, until it returns.
   *
   * @returns the ids whose lease was no longer this worker's; their attempt is kept in the trace, their state is
   * left to whoever has them now
   */
  complete(completion: readonly Completion[]): Promise<readonly string[]>;
  /** Makes the leases last `leaseMs` from now. */
  renew(ids: readonly string[], leaseMs: number): Promise<void>;
  /** Gives back what was claimed and not begun, as if it had never been claimed. */
  release(ids: readonly string[]): Promise<void>;
  /** Calls the listener soon after a delivery came in, where the outbox can tell; until the signal aborts. */
  watch(listener: () => void, signal: AbortSignal): void;
  stats(): Promise<OutboxStats>;
  close(): Promise<void>;
}

/** A claimed delivery whose outcome is known. */
export interface CompletedEvent {
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
  completed(event: CompletedEvent): void;
  /** The circuit breaker opened, or closed again. */
  breaker(state: 'closed' | 'open'): void;
  /** A delivery's outcome came when its lease had gone to another worker. */
  lateCompletion(): void;
  /** The outbox could not be asked. */
  outboxError(code: string): void;
}

export const silentObserver: WorkerObserver = {
  claimed: () => {},
  completed: () => {},
  breaker: () => {},
  lateCompletion: () => {},
  outboxError: () => {},
};

/**
 * What became of a receipt:
 *
 * - `entered`: the delivery's row tells it now.
 * - `unchanged`: the row knew it.
 * - `gone`: there is no such row.
 * - `too-early`: a worker is about to write the row, or someone else has it in hand. It has to be entered again later,
 *   though a proof that SES has the mail stands in the row from now on.
 * - `refused`: the database does not take it for this row. A later try may go better, once a person has looked.
 */
export const RECEIPT_RESULTS = ['entered', 'unchanged', 'gone', 'too-early', 'refused'] as const;

export type ReceiptResult = (typeof RECEIPT_RESULTS)[number];

/** Where the API learns what became of the mails that were handed over. */
export interface ReceiptStore {
  /**
   * Writes receipts to the rows of their deliveries. Any order and repetition of them ends in the same rows.
   *
   * @returns the result of each, in their order
   * @throws where the book cannot be asked now; all may be entered again
   */
  apply(receipts: readonly Receipt[]): Promise<readonly ReceiptResult[]>;
  /** @throws where the book cannot be written now */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** Is told what becomes of receipts, to count it. It never throws and never keeps anybody waiting. */
export interface ReceiptObserver {
  received(kind: StatusKind, result: ReceiptResult): void;
  /** A message was no receipt. */
  unreadable(): void;
  /** The receipts' queue did not do what it was asked. */
  queueError(action: 'receive' | 'delete'): void;
  /** The book could not be asked. */
  storeError(code: string): void;
}

import type { RefusedAddress } from '../domain/delivery.ts';
import type { StatusKind } from '../domain/delivery-status.ts';
import type { FailureClass } from '../domain/failure.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { StoredMail } from '../domain/stored-mail.ts';

/** The route by which a worker will send its claims; stored in the lease for a worker that takes over. */
export type LeaseRoute = 'smtp' | 'queue';

/** A mail that is too large to be fetched together with others. */
export interface LargeMail {
  readonly kind: 'large';
  /**
   * Fetches it.
   *
   * @throws if the outbox does not respond, or cannot fetch this mail in time
   */
  read(): Promise<Pick<LoadedClaim, 'mail' | 'inSes'>>;
}

/** A delivery that belongs only to this worker until its lease ends. */
export interface Claim {
  readonly id: string;
  readonly tenantId?: string;
  /** Higher is more urgent. @default 0 */
  readonly priority?: number;
  readonly mail: StoredMail | LargeMail;
  /** The size of the mail in memory; for a large mail the most that it can be. @default 0 */
  readonly bytes?: number;
  /** The recipients still owed, if an earlier attempt reached some. */
  readonly owed?: readonly string[];
  /**
   * Recipients, by `addressKey`, that SES has although no attempt handed them over: the queue accepted the
   * mail but its response was lost. Receipts report this. They must not get the mail again.
   */
  readonly inSes?: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Milliseconds from due to claimed, by the clock of the outbox. */
  readonly waitedMs: number;
  /** Attempts so far, including this one. */
  readonly attempts: number;
  /**
   * The previous worker crashed or lost its lease while it may have been sending by SMTP: the mail's data may
   * have been on the wire.
   */
  readonly reclaimed: boolean;
}

/** A claim whose mail has been fetched. */
export interface LoadedClaim extends Claim {
  readonly mail: StoredMail;
}

/** One attempt, kept permanently in the row. */
export interface TraceAttempt {
  /** ISO 8601. */
  readonly at: string;
  readonly outcome: 'taken' | 'handed-over' | 'split' | 'held' | 'not-accepted' | 'refused';
  readonly durationMs: number;
  readonly worker: string;
  /** The Message-ID header that the mail was sent with. */
  readonly messageId?: string;
  /** What SMTP accepted, and its response. */
  readonly smtp?: { readonly recipients: readonly string[]; readonly response: string };
  /** Why SMTP did not accept it for all recipients. */
  readonly failure?: Readonly<Record<string, string>>;
  /** What the queue accepted; without a message id, only receipts report that. */
  readonly queue?: { readonly recipients: readonly string[]; readonly queueMessageId?: string };
  /** The owed recipients of a refused mail, if known. */
  readonly owed?: readonly string[];
  /** Recipients that it was not tried for, since they can never be sent to. */
  readonly refused?: readonly RefusedAddress[];
  /** Why neither route accepted it, why it can never be sent, or how its outcome is known. */
  readonly reason?: string;
}

/** State of a delivery after an attempt. */
export type NextState =
  /** Accepted by SMTP for all recipients that can be sent to; `reason` says of others, if any, why they cannot. */
  | { readonly kind: 'delivered'; readonly reason?: string }
  /** Handed over; its status is reported later. */
  | { readonly kind: 'handed-over'; readonly reason?: string }
  /** SMTP may have accepted it; an operator decides. */
  | { readonly kind: 'held'; readonly reason: string }
  /** It can never be sent. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Retried for these recipients; an empty list means all recipients of the mail. */
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
  /** Waiting deliveries, due or not; for a large backlog, as many as were counted. */
  readonly queued: number;
  /** Age of the oldest due delivery in seconds; 0 if none is due. */
  readonly oldestDueSeconds: number;
  /**
   * Deliveries handed over more than two days ago without a reported status; if many, as many as were
   * counted. Absent if statuses are not reported back, or not counted.
   */
  readonly statusesOverdue?: number;
}

export interface ClaimRequest {
  readonly limit: number;
  readonly leaseMs: number;
  readonly route: LeaseRoute;
  /** Stop after about this many bytes of mail. 0 fetches no mail: each comes as {@link LargeMail}. */
  readonly maxBytes?: number;
  /** Whether deliveries with a {@link LargeMail} may come. @default true */
  readonly large?: boolean;
  /** Only deliveries that are more urgent than this. @default all */
  readonly abovePriority?: number;
  /** Whether to take over deliveries whose lease has ended. @default true */
  readonly takeOver?: boolean;
}

/** By id; an id may be in neither. */
export interface Renewal {
  readonly renewed: readonly string[];
  /** Another worker has it, or none. */
  readonly lost: readonly string[];
}

/**
 * Holds the API's mails and their outcomes. Each method throws if the outbox does not respond; nothing is
 * lost, and the caller retries.
 */
export interface Outbox {
  /**
   * Leases due deliveries: urgent ones first, and round-robin between tenants of equal urgency. May return
   * fewer than `limit` even if more are due.
   */
  claim(request: ClaimRequest): Promise<Claim[]>;
  /**
   * Writes the outcomes of claimed deliveries and ends their leases. If it throws, call it again with the
   * same completions until it returns.
   *
   * @returns the ids whose lease this worker had lost; their attempt is kept in the trace, but their state
   * belongs to the current owner
   */
  complete(completion: readonly Completion[]): Promise<readonly string[]>;
  /**
   * Extends the leases to `leaseMs` from now. Asks the outbox even if there are none: it is also how a worker finds out
   * that the outbox is available.
   *
   * A row that another session has locked may be left out: its lease is neither renewed nor lost.
   */
  renew(ids: readonly string[], leaseMs: number): Promise<Renewal>;
  /** Releases claims that were not started, as if they had never been claimed. */
  release(ids: readonly string[]): Promise<void>;
  /** Calls the listener soon after a delivery arrives, if the outbox can, until the signal aborts. */
  watch(listener: () => void, signal: AbortSignal): void;
  stats(): Promise<OutboxStats>;
  close(): Promise<void>;
}

/** A claimed delivery whose outcome is known. */
export interface CompletedEvent {
  readonly outcome: Outcome['kind'];
  /** Why SMTP did not accept it for all recipients. */
  readonly failureClass?: FailureClass;
  /** Why it can never be sent. */
  readonly reason?: string;
  /** From due to claimed. */
  readonly waitedMs: number;
  /** From the claim to the response of SMTP or the queue. */
  readonly handledMs: number;
}

/** Counts worker events. It never throws and never blocks the worker. */
export interface WorkerObserver {
  claimed(count: number): void;
  completed(event: CompletedEvent): void;
  /** The circuit breaker opened, or closed again. */
  breaker(state: 'closed' | 'open'): void;
  /** A delivery's outcome was written after its lease had moved to another worker. */
  lateCompletion(): void;
  /** A call to the outbox failed. */
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
 * Result of a receipt:
 *
 * - `entered`: written to the delivery's row.
 * - `unchanged`: the row already had it.
 * - `gone`: there is no such row.
 * - `too-early`: a worker is about to write the row, or another session holds it. It must be applied again
 *   later, but proof that SES has the mail is in the row from now on.
 * - `refused`: the database rejects it for this row. A retry may succeed after an operator has looked at it.
 */
export const RECEIPT_RESULTS = ['entered', 'unchanged', 'gone', 'too-early', 'refused'] as const;

export type ReceiptResult = (typeof RECEIPT_RESULTS)[number];

/** Reports the outcomes of handed-over mails to the API. */
export interface ReceiptStore {
  /**
   * Writes receipts to the rows of their deliveries. Order and repetition do not change the result.
   *
   * @returns the result of each, in the same order
   * @throws if the store does not respond; all may be applied again
   */
  apply(receipts: readonly Receipt[]): Promise<readonly ReceiptResult[]>;
  /** @throws if the store cannot be written now */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** Counts receipt results. It never throws and never blocks the caller. */
export interface ReceiptObserver {
  received(kind: StatusKind, result: ReceiptResult): void;
  /** A message was not a receipt. */
  unreadable(): void;
  /** A call to the receipts queue failed. */
  queueError(action: 'receive' | 'delete'): void;
  /** A call to the receipt store failed. */
  storeError(code: string): void;
}

import type { RecipientStatuses } from '../domain/delivery-status.ts';
import type { EventPace } from '../domain/event-latency.ts';
import type { Suppression, SuppressionSignal } from '../domain/suppression.ts';

/**
 * State of a send batch: up to 50 recipients of a delivery, sent to SES in one call.
 *
 *     claim ──▶ sending ──┬─▶ sent     SES accepted it: by its response, or by a published event
 *       ▲                 ├─▶ unknown  the call ended without a response
 *       │                 ├─▶ open     SES did not accept it now
 *       │                 └─▶ refused  SES will never accept it
 *       └── claim again ──┘
 *
 * `sent` is final. A batch still `sending` after its claim has ended was left by a killed Lambda and counts
 * as `unknown`.
 */
export type BatchState = 'sending' | 'sent' | 'unknown' | 'open' | 'refused';

/** The right to send a batch to SES. */
export interface BatchClaim {
  /** Different for each claim. */
  readonly token: string;
  readonly startedAt: Date;
  /** After this time no call under this claim is in progress. */
  readonly endsAt: Date;
}

export interface SendBatch {
  readonly deliveryId: string;
  /** From 0. */
  readonly part: number;
  readonly tenantId?: string | undefined;
  /** SHA-256 of the MIME message in hexadecimal; absent if the batch is known only from an event. */
  readonly contentSha256?: string | undefined;
  readonly recipients: readonly string[];
  readonly state: BatchState;
  /** The latest; absent if the batch is known only from an event. */
  readonly claim?: BatchClaim | undefined;
  /** Only of a sent batch. */
  readonly sesMessageId?: string | undefined;
  /** When SES accepted it. */
  readonly sentAt?: Date | undefined;
}

/**
 * True if SES may or may not have the batch: its call ended without a result, or the calling function was
 * killed and its claim has ended. A batch created by an event has no claim, and is sent.
 */
export function isUnknown({ state, claim }: Pick<SendBatch, 'state' | 'claim'>, now: Date): boolean {
  return state === 'unknown' || (state === 'sending' && claim !== undefined && claim.endsAt <= now);
}

export interface NewSendBatch {
  readonly deliveryId: string;
  readonly part: number;
  readonly tenantId?: string | undefined;
  readonly contentSha256: string;
  readonly recipients: readonly string[];
  readonly claim: BatchClaim;
}

export type BatchResult =
  | { readonly kind: 'sent'; readonly sesMessageId: string; readonly sentAt: Date }
  /** `endedAt` becomes the end of the claim. */
  | { readonly kind: 'unknown'; readonly endedAt: Date }
  | { readonly kind: 'open' }
  | { readonly kind: 'refused' };

/**
 * Records what was sent to SES. Each method throws if the ledger does not respond; a claim that threw may
 * have been made.
 */
export interface Ledger {
  /** All batches of a delivery, strongly consistent, in the order of their numbers. */
  partsOf(deliveryId: string): Promise<SendBatch[]>;
  /** Claims a new batch. @returns false if a batch with this number exists */
  open(part: NewSendBatch): Promise<boolean>;
  /**
   * Claims a previously claimed batch again, for the given recipients.
   *
   * @returns false if its state has changed since `batch` was read
   */
  claimAgain(batch: SendBatch, recipients: readonly string[], claim: BatchClaim): Promise<boolean>;
  /**
   * Writes the result of a claim. `sent` is written unconditionally; other results only if the claim is still
   * current.
   */
  settle(
    claimed: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: BatchResult,
  ): Promise<void>;
}

/** The statuses that SES events have reported for a batch. */
export interface BatchStatuses extends SendBatch {
  readonly statuses: RecipientStatuses;
  /** Counts the writes of statuses; 0 before the first. */
  readonly fatesVersion: number;
}

/** The same ledger, for the event handler. */
export interface StatusLedger {
  /** The batch, strongly consistent; undefined if the ledger has none. */
  read(deliveryId: string, part: number): Promise<BatchStatuses | undefined>;
  /**
   * Writes statuses, and that SES accepted the batch: each event proves that. Creates a missing batch.
   *
   * @param before the version of the statuses that were read; 0 if there was no batch or no statuses
   * @returns false if another writer has written statuses since
   */
  write(
    reported: {
      readonly deliveryId: string;
      readonly part: number;
      readonly sesMessageId: string;
      readonly sentAt: Date;
      /** All recipients of the batch from now on: those that were read, and those that the events report. */
      readonly recipients: readonly string[];
      readonly statuses: RecipientStatuses;
    },
    before: number,
  ): Promise<boolean>;
}

/** Latencies of SES events, for callers that wait for one. */
export interface EventLatencies {
  /** Of the last day. @throws if the store does not respond */
  recent(now: Date): Promise<EventPace>;
}

/** The same measurement, for the event handler. */
export interface EventLatencyMeter {
  /** @throws if the write is not confirmed */
  add(pace: EventPace, now: Date): Promise<void>;
}

/** Events received but not applied yet. */
export interface EventBacklog {
  /** @throws if the queue does not respond */
  anyWaiting(): Promise<boolean>;
}

/** Addresses that the pipeline does not send to. Each method throws if the list does not respond. */
export interface SuppressionList {
  /** The addresses that are suppressed at `now`, by `addressKey`. */
  find(addresses: readonly string[], now: Date): Promise<ReadonlyMap<string, Suppression>>;
}

/** The same list, for the handler of bounces and complaints. */
export interface SuppressionReports {
  /** Idempotent: reporting the same signal again changes nothing. */
  report(address: string, signal: SuppressionSignal): Promise<void>;
}

/** The same list, for the operator. */
export interface SuppressionEntries {
  add(address: string, at: Date): Promise<void>;
  /** Clears all signals that occurred up to `at`, including those reported later. */
  remove(address: string, at: Date): Promise<void>;
  /** All addresses suppressed at `now`, unordered. */
  list(now: Date): AsyncIterable<{ readonly address: string; readonly suppression: Suppression }>;
}

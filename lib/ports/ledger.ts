import type { RecipientStatuses } from '../domain/delivery-status.ts';
import type { EventPace } from '../domain/event-latency.ts';
import type { Suppression, SuppressionSignal } from '../domain/suppression.ts';

/**
 * Where a part of a delivery stands: up to 50 recipients that are offered to SES in one call.
 *
 *     claim ──▶ sending ──┬─▶ sent     SES took it: by its answer, or by an event that it published
 *       ▲                 ├─▶ unknown  the call ended without an answer
 *       │                 ├─▶ open     SES did not take it now
 *       │                 └─▶ refused  SES would never take it
 *       └── claim again ──┘
 *
 * `sent` is for ever. A part that is still `sending` when its claim has ended was left by a Lambda that was killed,
 * and counts as `unknown`.
 */
export type BatchState = 'sending' | 'sent' | 'unknown' | 'open' | 'refused';

/** The right to offer a part to SES. */
export interface BatchClaim {
  /** Different for each claim. */
  readonly token: string;
  readonly startedAt: Date;
  /** From then on no call under this claim is under way. */
  readonly endsAt: Date;
}

export interface SendBatch {
  readonly deliveryId: string;
  /** From 0. */
  readonly part: number;
  readonly tenantId?: string | undefined;
  /** SHA-256 of the MIME message in hexadecimal digits; absent where only an event is known of the part. */
  readonly contentSha256?: string | undefined;
  readonly recipients: readonly string[];
  readonly state: BatchState;
  /** The latest; absent where only an event is known of the part. */
  readonly claim?: BatchClaim | undefined;
  /** Of a part that is sent. */
  readonly sesMessageId?: string | undefined;
  /** When SES took it. */
  readonly sentAt?: Date | undefined;
}

/**
 * True if SES may or may not have the batch: its call ended without a result, or the function that made it was killed
 * and its claim has ended. A batch that only an event made has no claim, and is sent.
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
 * The memory of what was offered to SES. Each method throws where the ledger cannot be asked now; a claim that threw
 * may have been made.
 */
export interface Ledger {
  /** All parts of a delivery, as every write that was confirmed before has left them, in the order of their numbers. */
  partsOf(deliveryId: string): Promise<SendBatch[]>;
  /** Claims a part that is not there yet. @returns false where there is one with this number */
  open(part: NewSendBatch): Promise<boolean>;
  /**
   * Claims a part that was claimed before, for the recipients named.
   *
   * @returns false where it is no longer in the state that `part` was read in
   */
  claimAgain(batch: SendBatch, recipients: readonly string[], claim: BatchClaim): Promise<boolean>;
  /**
   * Writes what became of a claim. `sent` is written whatever has happened meanwhile; anything else only where the
   * claim still stands.
   */
  settle(
    claimed: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: BatchResult,
  ): Promise<void>;
}

/** What SES's events have told of a part. */
export interface BatchStatuses extends SendBatch {
  readonly statuses: RecipientStatuses;
  /** Counts the writes of statuses; 0 before the first. */
  readonly fatesVersion: number;
}

/** The same memory, for who applies the events. */
export interface StatusLedger {
  /** The part as every write that was confirmed before has left it; undefined where the ledger knows none. */
  read(deliveryId: string, part: number): Promise<BatchStatuses | undefined>;
  /**
   * Writes statuses, and that SES took the part: each event about it proves that. A part that is not there is made.
   *
   * @param before the version that the statuses were read in; 0 where there was no part, or none had been written
   * @returns false where somebody else has written statuses since
   */
  write(
    told: {
      readonly deliveryId: string;
      readonly part: number;
      readonly sesMessageId: string;
      readonly sentAt: Date;
      /** All of the part from then on: those that were read, and those that the events say SES took it for. */
      readonly recipients: readonly string[];
      readonly statuses: RecipientStatuses;
    },
    before: number,
  ): Promise<boolean>;
}

/** How SES's events came in, for who has to wait for one. */
export interface EventLatencies {
  /** Of the last day. @throws where that cannot be asked now */
  recent(now: Date): Promise<EventPace>;
}

/** The same measure, for who applies the events. */
export interface EventLatencyMeter {
  /** @throws where it was not confirmed */
  add(pace: EventPace, now: Date): Promise<void>;
}

/** Events that have come in and were not applied yet. */
export interface EventBacklog {
  /** @throws where that cannot be asked now */
  anyWaiting(): Promise<boolean>;
}

/** Whom the pipeline does not send to. Each method throws where the list cannot be asked now. */
export interface SuppressionList {
  /** Those of the addresses that are suppressed at the time, by `addressKey`. */
  find(addresses: readonly string[], now: Date): Promise<ReadonlyMap<string, Suppression>>;
}

/** The same list, for who learns of bounces and complaints. */
export interface SuppressionReports {
  /** Reporting the same strike again changes nothing. */
  report(address: string, strike: SuppressionSignal): Promise<void>;
}

/** The same list, for the person who looks after it. */
export interface SuppressionEntries {
  add(address: string, at: Date): Promise<void>;
  /** Forgives all that happened up to then, and what is only heard of later. */
  remove(address: string, at: Date): Promise<void>;
  /** All that are suppressed at the time, in no order. */
  list(now: Date): AsyncIterable<{ readonly address: string; readonly suppression: Suppression }>;
}

import type { Strike, Suppression } from '../message/suppression.ts';

/** Whom the pipeline does not send to. Each method throws where the list cannot be asked now. */
export interface SuppressionList {
  /** Those of the addresses that are suppressed at the time, by `addressKey`. */
  find(addresses: readonly string[], now: Date): Promise<ReadonlyMap<string, Suppression>>;
}

/** The same list, for who learns of bounces and complaints. */
export interface SuppressionReports {
  /** Reporting the same strike again changes nothing. */
  report(address: string, strike: Strike): Promise<void>;
}

/** The same list, for the person who looks after it. */
export interface SuppressionEntries {
  add(address: string, at: Date): Promise<void>;
  /** Forgives all that happened up to then, and what is only heard of later. */
  remove(address: string, at: Date): Promise<void>;
  /** All that are suppressed at the time, in no order. */
  list(now: Date): AsyncIterable<{ readonly address: string; readonly suppression: Suppression }>;
}

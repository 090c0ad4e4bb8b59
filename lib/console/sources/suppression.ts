import type { Missing } from './reading.ts';

/** The suppressed recipients of both lists: the pipeline's own, and that of SES for the whole account. */
export interface SuppressionDesk {
  /** All suppressed addresses, the newest first. */
  all(signal: AbortSignal): Promise<SuppressionListing>;
  /** The entries of these addresses, also of those that are on neither list. */
  lookUp(addresses: readonly string[], signal: AbortSignal): Promise<SuppressionListing>;
  add(address: string, signal: AbortSignal): Promise<SuppressionChange>;
  remove(address: string, signal: AbortSignal): Promise<SuppressionChange>;
}

type SuppressionList = 'pipeline' | 'ses';

export interface SuppressionListing {
  readonly entries: readonly SuppressionEntry[];
  /** The lists that could not be read: what is on them is not known. */
  readonly unavailable: readonly ({ readonly list: SuppressionList } & Missing)[];
}

export interface SuppressionEntry {
  readonly address: string;
  readonly pipeline: SuppressionReason | undefined;
  readonly ses: SuppressionReason | undefined;
}

export interface SuppressionReason {
  readonly reason: string;
  readonly since: Date;
  /** The delivery that bounced or was complained about. */
  readonly deliveryId: string | undefined;
}

/** What became of a change, by list. */
export type SuppressionChange = Readonly<
  Record<SuppressionList, { readonly kind: 'done' | 'unchanged' } | ({ readonly kind: 'failed' } & Missing)>
>;

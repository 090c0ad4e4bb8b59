import type { DeliveryFilter } from '../../domain/delivery-filter.ts';
import type { Missing } from './reading.ts';

/** Deliveries, as support asks for them. */
export interface DeliveryReader {
  /** The newest first. */
  search(query: DeliveryQuery, show: DeliveryShow): Promise<DeliveryPage>;
  /**
   * What one place or all of them know of a delivery. The outbox alone responds at once.
   *
   * @returns undefined if none of the places knows it
   */
  find(id: string, from: 'outbox' | 'all', show: DeliveryShow): Promise<DeliveryView | undefined>;
}

interface DeliveryShow {
  readonly addresses: boolean;
  readonly signal: AbortSignal;
}

export interface DeliveryQuery extends DeliveryFilter {
  /** A recipient, an id, the beginning of one, or a Message-ID: whatever it looks like. */
  readonly text?: string | undefined;
  /** Of the page before. */
  readonly cursor?: string | undefined;
}

export interface DeliveryPage {
  readonly rows: readonly DeliverySummary[];
  /** The cursor of the next page; undefined on the last. */
  readonly next: string | undefined;
}

export interface DeliverySummary {
  readonly id: string;
  readonly tenantId: string | undefined;
  readonly to: string | undefined;
  readonly state: string;
  /** `smtp` or `ses` once it went out, or what the API wrote. */
  readonly by: string | undefined;
  readonly createdAt: Date | undefined;
  readonly reason: string | undefined;
  readonly failureClass: string | undefined;
}

/** One delivery, over all places that know it. Its texts are masked if addresses are. */
export interface DeliveryView {
  readonly id: string;
  readonly tenantId: string | undefined;
  /** Of the row. */
  readonly status: string | undefined;
  /** The Message-IDs by which a reply names it. */
  readonly messageIds: { readonly own: string | undefined; readonly ses: readonly string[] };
  readonly recipients: readonly DeliveryRecipient[];
  /** What an operator should look at, with the command that helps. */
  readonly concerns: readonly string[];
  /** In the order of time. */
  readonly events: readonly DeliveryEvent[];
  readonly places: readonly DeliveryPlace[];
}

export interface DeliveryRecipient {
  readonly address: string;
  readonly state: string;
  readonly lost: boolean;
}

export interface DeliveryEvent {
  readonly at: Date;
  /** The place that knows it. */
  readonly source: string;
  readonly what: string;
  /** What a server said, as it said it. */
  readonly words: string | undefined;
  readonly tone: 'good' | 'warn' | 'bad' | 'info';
  /** The recipients that it is about; empty if all. */
  readonly recipients: readonly string[];
}

export interface DeliveryPlace {
  readonly name: string;
  readonly detail: string;
  readonly state: 'asked' | 'skipped' | 'failed';
  readonly missing: Missing | undefined;
}

/** Deliveries, as support asks for them. */
export interface DeliveryReader {
  /** The newest first. @param cursor of the page before; without it, the first page */
  search(query: DeliveryQuery, cursor: string | undefined, signal: AbortSignal): Promise<DeliveryPage>;
  /** Undefined if there is no such delivery. */
  find(id: string, signal: AbortSignal): Promise<DeliveryView | undefined>;
}

export interface DeliveryQuery {
  readonly to?: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly status?: string;
  readonly failureClass?: string;
  readonly from?: Date;
  readonly until?: Date;
}

export interface DeliveryPage {
  readonly rows: readonly DeliverySummary[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface DeliverySummary {
  readonly id: string;
}

export interface DeliveryView {
  readonly id: string;
}

import type { FailureClass } from './failure.ts';

/** The states of a row of the outbox, as an operator asks for them. */
export const ROW_STATES = ['queued', 'on-hold', 'sending', 'delivered', 'failed'] as const;

export type RowState = (typeof ROW_STATES)[number];

/** What an operator looks for among deliveries. All that is given has to be true of one. */
export interface DeliveryFilter {
  readonly tenantId?: string | undefined;
  readonly state?: RowState | undefined;
  /** Of the last failure at SMTP. */
  readonly failureClass?: FailureClass | undefined;
  /** Created then or later. */
  readonly from?: Date | undefined;
  /** Created before. */
  readonly until?: Date | undefined;
}

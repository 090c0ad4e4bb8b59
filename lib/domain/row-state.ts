/** The states of a row of the outbox, as an operator asks for them. */
export const ROW_STATES = ['queued', 'on-hold', 'sending', 'delivered', 'failed'] as const;

export type RowState = (typeof ROW_STATES)[number];

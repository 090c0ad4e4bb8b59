export const SUPPRESSION_REASONS = ['BOUNCE', 'COMPLAINT'] as const;

export type AccountSuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** An address that SES sends nothing to on behalf of the account. */
export interface SuppressedDestination {
  readonly address: string;
  readonly reason: AccountSuppressionReason;
  readonly updatedAt: Date;
  /** The event by which SES put it there by itself. */
  readonly event?: { readonly sesMessageId: string; readonly feedbackId: string };
}

/**
 * The suppression list of the account: https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
 * Addresses are compared without their case, when sending and, for want of a document, when managing the list.
 */
export class SuppressedDestinations {
  /** In the order that they were first put there. */
  readonly #entries = new Map<string, SuppressedDestination>();

  /** An address that is there already gets the new reason and time. */
  put(destination: SuppressedDestination): void {
    this.#entries.set(keyOf(destination.address), destination);
  }

  get(address: string): SuppressedDestination | undefined {
    return this.#entries.get(keyOf(address));
  }

  /** @returns false where it was not there */
  delete(address: string): boolean {
    return this.#entries.delete(keyOf(address));
  }

  list(): SuppressedDestination[] {
    return [...this.#entries.values()];
  }
}

function keyOf(address: string): string {
  return address.toLowerCase();
}

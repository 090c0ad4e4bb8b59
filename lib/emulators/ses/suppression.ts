export const SUPPRESSION_REASONS = ['BOUNCE', 'COMPLAINT'] as const;

export type AccountSuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** An address that SES does not send to for this account. */
export interface SuppressedDestination {
  readonly address: string;
  readonly reason: AccountSuppressionReason;
  readonly updatedAt: Date;
  /** The event for which SES added it automatically. */
  readonly event?: { readonly sesMessageId: string; readonly feedbackId: string };
}

/**
 * The suppression list of the account: https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
 * Addresses are case-insensitive when sending, and, since it is undocumented, also when managing the list.
 */
export class SuppressedDestinations {
  /** In order of first addition. */
  readonly #entries = new Map<string, SuppressedDestination>();

  /** An existing address gets the new reason and time. */
  put(destination: SuppressedDestination): void {
    this.#entries.set(keyOf(destination.address), destination);
  }

  get(address: string): SuppressedDestination | undefined {
    return this.#entries.get(keyOf(address));
  }

  /** @returns false if it is not on the list */
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

import { addressKey } from '../../lib/domain/address.ts';
import type { Suppression } from '../../lib/domain/suppression.ts';
import type { SuppressionList } from '../../lib/ports/ledger.ts';
import type { Clock } from '../../lib/ports/runtime.ts';

export interface SuppressionDeps {
  readonly suppressions: SuppressionList;
  /** Tenants whose mail is sent despite soft bounces, e.g. a password reset after a full mailbox. */
  readonly exemptTenants: readonly string[];
  readonly clock: Clock;
}

/** A recipient that is not sent to. */
export interface SuppressedRecipient {
  readonly recipient: string;
  readonly reason: Suppression['reason'];
}

/**
 * Removes suppressed recipients.
 *
 * @throws if the suppression list does not respond
 */
export async function filterSuppressed(
  recipients: readonly string[],
  tenantId: string | undefined,
  { suppressions, exemptTenants, clock }: SuppressionDeps,
): Promise<{ sendable: string[]; suppressed: SuppressedRecipient[] }> {
  const found = await suppressions.find(recipients, clock.now());
  const isExempt = tenantId !== undefined && exemptTenants.includes(tenantId);
  const sendable: string[] = [];
  const suppressed: SuppressedRecipient[] = [];
  for (const recipient of recipients) {
    const reason = found.get(addressKey(recipient))?.reason;
    if (reason === undefined || (isExempt && reason === 'soft-bounces')) sendable.push(recipient);
    else suppressed.push({ recipient, reason });
  }
  return { sendable, suppressed };
}

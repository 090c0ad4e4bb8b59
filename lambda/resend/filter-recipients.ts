import { addressKey } from '../../lib/domain/address.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import type { Suppression } from '../../lib/domain/suppression.ts';
import type { SuppressionList } from '../../lib/ports/ledger.ts';
import type { Clock } from '../../lib/ports/runtime.ts';
import type { DeliveredAddresses } from '../../lib/ports/sending.ts';
import type { SendTurns, TurnReports } from './send-turns.ts';

export interface FilterDeps extends TurnReports {
  readonly suppressions: SuppressionList;
  /** Tenants whose mail is sent despite soft bounces, e.g. a password reset after a full mailbox. */
  readonly exemptTenants: readonly string[];
  readonly turns: SendTurns;
  readonly delivered: DeliveredAddresses;
  readonly clock: Clock;
}

/** A recipient that is not sent to. */
export interface SuppressedRecipient {
  readonly recipient: string;
  readonly reason: Suppression['reason'];
}

export interface FilteredRecipients {
  readonly sendable: readonly string[];
  readonly suppressed: readonly SuppressedRecipient[];
  /** By the reputation fuse: never delivered to, and the mail is not urgent. */
  readonly held: readonly string[];
}

/**
 * Removes suppressed recipients, and those that the reputation fuse holds.
 *
 * @throws if the suppression list or the ledger does not respond
 */
export async function filterRecipients(
  recipients: readonly string[],
  { tenantId, priority }: Pick<FallbackMessage, 'tenantId' | 'priority'>,
  deps: FilterDeps,
): Promise<FilteredRecipients> {
  const found = await deps.suppressions.find(recipients, deps.clock.now());
  const isExempt = tenantId !== undefined && deps.exemptTenants.includes(tenantId);
  const allowed: string[] = [];
  const suppressed: SuppressedRecipient[] = [];
  for (const recipient of recipients) {
    const reason = found.get(addressKey(recipient))?.reason;
    if (reason === undefined || (isExempt && reason === 'soft-bounces')) allowed.push(recipient);
    else suppressed.push({ recipient, reason });
  }
  if (priority === 'urgent' || !(await deps.turns.isHolding(deps))) {
    return { sendable: allowed, suppressed, held: [] };
  }
  const known = await deps.delivered.find(allowed);
  const isKnown = (recipient: string) => known.has(addressKey(recipient));
  return {
    sendable: allowed.filter(isKnown),
    suppressed,
    held: allowed.filter((recipient) => !isKnown(recipient)),
  };
}

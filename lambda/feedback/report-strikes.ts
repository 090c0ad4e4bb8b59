import { addressKey } from '../../lib/message/address.ts';
import type { Fate } from '../../lib/message/fate.ts';
import type { Strike } from '../../lib/message/suppression.ts';
import type { SuppressionReports } from '../../lib/ports/suppression-list.ts';
import type { SesEvent } from './ses-event.ts';

/**
 * Reports bounces and complaints to the suppression list, those that are no news to the ledger too: who wrote them
 * there may have died before it came this far. The addresses of SES's mailbox simulator are reported like any other,
 * so that a demonstration shows what a real bounce does.
 *
 * @throws where the list did not confirm one; all of it can be done again
 */
export async function reportStrikes(
  events: readonly SesEvent[],
  suppressions: SuppressionReports,
): Promise<void> {
  for (const { address, strike } of strikesOf(events)) await suppressions.report(address, strike);
}

interface ReportedStrike {
  readonly address: string;
  readonly strike: Strike;
}

/** The same event may be there twice; it is reported once. */
function strikesOf(events: readonly SesEvent[]): Iterable<ReportedStrike> {
  const strikes = new Map<string, ReportedStrike>();
  for (const { deliveryId, sesMessageId, fates } of events) {
    for (const { address, fate } of fates) {
      const kind = strikeKind(fate);
      if (kind === undefined) continue;
      const key = JSON.stringify([addressKey(address), kind, sesMessageId, fate.at]);
      strikes.set(key, { address, strike: { kind, at: new Date(fate.at), deliveryId, sesMessageId } });
    }
  }
  return strikes.values();
}

/**
 * A bounce of which SES could not determine the type counts as a soft one: one of them suppresses nobody, and who
 * sends on and on to a mailbox from which all comes back loses the good name of the domain.
 */
function strikeKind({ kind, bounce }: Fate): Strike['kind'] | undefined {
  if (kind === 'complained') return 'complaint';
  if (kind !== 'bounced') return undefined;
  if (ABOUT_THE_MAIL.has(bounce?.subType ?? '')) return undefined;
  return bounce?.type === 'Permanent' ? 'hard-bounce' : 'soft-bounce';
}

/**
 * Sub-types of bounces that say nothing against the mailbox: it would take another mail.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
const ABOUT_THE_MAIL: ReadonlySet<string> = new Set([
  'ContentRejected',
  'AttachmentRejected',
  'MessageTooLarge',
]);

import type { Fate } from '../../lib/message/fate.ts';
import { sinceFailureMs } from '../../lib/message/since-failure.ts';
import type { PartFates } from '../../lib/ports/ledger.ts';
import type { Metrics } from '../../lib/ports/metrics.ts';
import type { News } from './news-of.ts';
import type { SesEvent } from './ses-event.ts';

/** Counts what the events tell that the ledger did not know: what comes twice is counted once. */
export function countNews({ told }: News, events: readonly SesEvent[], metrics: Metrics): void {
  for (const { fate } of told) {
    switch (fate.kind) {
      case 'delivered':
        metrics.add('Delivered', 1);
        countTimeToDelivery(fate, events, metrics);
        break;
      case 'bounced':
        metrics.add('Bounced', 1, fate.bounce?.type === 'Permanent' ? 'hard' : 'soft');
        break;
      case 'complained':
        metrics.add('Complained', 1);
        break;
    }
  }
}

function countTimeToDelivery(
  { sesMessageId, at }: Fate,
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  const failedAt = events.find((event) => event.sesMessageId === sesMessageId)?.failedAt;
  const tookMs = failedAt === undefined ? undefined : sinceFailureMs(failedAt, new Date(at));
  if (tookMs !== undefined) metrics.add('TimeToDelivery', tookMs);
}

/**
 * Counts the mails that SES took beside the one that the ledger knows. The ledger need not keep their ids, so that
 * the Send event alone is counted: SES publishes one for each mail, and the other events come besides.
 *
 * @param known the message id that the ledger had, or has by these events
 */
export function countSentTwice(
  known: PartFates['sesMessageId'],
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  const further = events.filter(({ type, sesMessageId }) => type === 'Send' && sesMessageId !== known);
  if (further.length === 0) return;
  metrics.add('SentTwice', new Set(further.map(({ sesMessageId }) => sesMessageId)).size);
}

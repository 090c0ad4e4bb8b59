import type { Metrics } from '../../lib/ports/metrics.ts';

/** The causes of SES's refusals for ever; to who is on call they are one. */
const REFUSALS_OF_SES: ReadonlySet<string> = new Set(['rejected-by-ses', 'invalid-for-ses']);

/**
 * Counts a letter that is parked.
 *
 * @param recipients how many it is for; 0 where nobody can say
 */
export function countDeadLetter(reason: string, recipients: number, metrics: Metrics): void {
  metrics.add('DeadLettered', 1, REFUSALS_OF_SES.has(reason) ? 'refused-by-ses' : reason);
  if (reason === 'expired') metrics.add('Expired', recipients);
}

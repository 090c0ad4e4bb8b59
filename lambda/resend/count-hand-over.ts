import type { Envelope } from '../../lib/message/envelope.ts';
import { isServerAtFault } from '../../lib/message/failure.ts';
import { NOT_TRIED } from '../../lib/message/metrics.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import { CLOCK_SKEW_MS } from '../../lib/message/since-failure.ts';
import type { Metrics } from '../../lib/ports/metrics.ts';
import { failedAtOf } from './failed-at.ts';

/** What SQS says of a message. */
export interface Receive {
  /** From 1. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  /** Whether it is what is left of a message that was worked. */
  readonly isRemainder: boolean;
}

/**
 * Counts a mail when it comes for the first time; what comes again must not look like a new outage. A mail that SMTP was
 * not offered, since the server is down, counts as what the server is down by.
 */
export function countHandOver(receive: Receive, envelope: Envelope, metrics: Metrics): void {
  if (!isFresh(receive, envelope)) return;
  const { failure } = envelope;
  const recipients = distinctRecipients(envelope.envelope.to).length;
  metrics.add('HandedOver', recipients, failure?.openedBy ?? failure?.class ?? NOT_TRIED);
  if (failure !== undefined && isServerAtFault(failure)) metrics.add('SmtpDown', recipients);
}

/**
 * The worker hands over within seconds of the failure; a dead letter comes back when a person has looked. Between
 * them stands the most that the clocks of the API and SQS may differ: an outage that nobody sees is worse than a dead
 * letter of the last minutes that counts as one.
 */
function isFresh({ receiveCount, sentAt, isRemainder }: Receive, envelope: Envelope): boolean {
  const waitedMs = sentAt.getTime() - failedAtOf(envelope).getTime();
  return receiveCount === 1 && !isRemainder && waitedMs <= CLOCK_SKEW_MS;
}

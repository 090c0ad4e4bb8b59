import type { SesDouble } from '../../lib/emulators/ses/ses-double.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';

/** The address does not exist: mail-core refuses it at once, and a mail that SES accepts for it bounces. */
export const UNKNOWN = 'unknown@example.net';

/** Its server does not accept mail at the first attempt. */
export const GREYLISTED = 'greylisted@example.org';

/** The same on another server, whose reply mentions a policy. */
export const DEFERRED = 'deferred@example.org';

/** One of many buyers. */
export function buyer(index: number): string {
  return `buyer${index % 500}@example.org`;
}

/** A mistyped, made-up or abandoned address, as in a list that was never used before. */
export function goneBuyer(index: number): string {
  return `gone${index}@example.net`;
}

/** A recipient who did not ask for mail, and complains. */
export function angryBuyer(index: number): string {
  return `angry${index}@example.com`;
}

/** mail-core's usual replies to these recipients. */
export const USUAL_REFUSALS: SmtpBehaviour = {
  kind: 'recipients-refused',
  replies: {
    [UNKNOWN]: '550 5.1.1 Recipient address rejected: User unknown',
    [GREYLISTED]: '450 4.2.0 Recipient address rejected: Greylisted',
    [DEFERRED]: '451 4.7.1 Recipient address rejected: Greylisted, try again later',
  },
};

/** One in this many deliveries is slow: its server is busy, or greylists SES as well. */
const SLOW_DELIVERIES = 10;

/** Gives these recipients their outcomes at SES, and delays the events, in ms of this machine. */
export function giveFates(ses: SesDouble): void {
  ses.status((_mail, recipient) => {
    if (recipient === UNKNOWN || recipient.startsWith('gone')) return { kind: 'hard-bounce' };
    return recipient.startsWith('angry') ? { kind: 'complaint' } : undefined;
  });
  let deliveries = 0;
  ses.disturbEvents({
    when: ({ eventType }) => eventType === 'Delivery',
    effect: { kind: 'delay', delayMs: () => (deliveries++ % SLOW_DELIVERIES === 0 ? 5_000 : 100) },
  });
  // A complaint comes from a person, who has to read the mail first.
  ses.disturbEvents({
    when: ({ eventType }) => eventType === 'Complaint',
    effect: { kind: 'delay', delayMs: 6_000 },
  });
}

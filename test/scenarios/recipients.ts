import type { SesDouble } from '../../lib/emulators/ses/ses-double.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';

/** Nobody has the address: mail-core refuses it at once, and a mail that SES takes for it bounces. */
export const UNKNOWN = 'unknown@example.net';

/** Its server does not take mail at the first try. */
export const GREYLISTED = 'greylisted@example.org';

/** The same by another server, in words that speak of a policy. */
export const DEFERRED = 'deferred@example.org';

/** One of many buyers. */
export function buyer(index: number): string {
  return `buyer${index % 500}@example.org`;
}

/** An address that was mistyped, made up or given up: the list of somebody who has never sent to it. */
export function goneBuyer(index: number): string {
  return `gone${index}@example.net`;
}

/** Somebody who never asked for mail, and says so. */
export function angryBuyer(index: number): string {
  return `angry${index}@example.com`;
}

/** What mail-core says to these on any day. */
export const USUAL_REFUSALS: SmtpBehaviour = {
  kind: 'recipients-refused',
  replies: {
    [UNKNOWN]: '550 5.1.1 Recipient address rejected: User unknown',
    [GREYLISTED]: '450 4.2.0 Recipient address rejected: Greylisted',
    [DEFERRED]: '451 4.7.1 Recipient address rejected: Greylisted, try again later',
  },
};

/** Of all deliveries, one in so many takes long: its server is busy, or greylists SES as well. */
const SLOW_DELIVERIES = 10;

/** Lets SES meet these recipients, and its events take their time, in ms of this machine. */
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
  // A complaint is made by a person, who has to read the mail first.
  ses.disturbEvents({
    when: ({ eventType }) => eventType === 'Complaint',
    effect: { kind: 'delay', delayMs: 6_000 },
  });
}

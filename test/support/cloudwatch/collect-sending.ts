import type { SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import type { Collector, Observe } from './collector.ts';

/**
 * The rates are of a "representative volume" of mails, which AWS only documents as based on how much an
 * account sends. Here it is the last thousand, and mails sent before the run have no complaints.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/reputation-dashboard-dg.html
 */
const REPRESENTATIVE_VOLUME = 1000;

/** Of the mails before the run, one in so many bounced. */
const EARLIER_MAILS_PER_BOUNCE = 200;

type Mark = 'bounced' | 'complained';

/**
 * AWS/SES, from the events of the double: counts and rates of the account, which have no dimension.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
 */
export class SendingCollector implements Collector {
  readonly #observe: Observe;
  /** The latest mails by their SES message id, the oldest first, with their marks. */
  readonly #latest = new Map<string, Set<Mark>>();

  constructor(observe: Observe) {
    this.#observe = observe;
    for (let index = 0; index < REPRESENTATIVE_VOLUME; index += 1) {
      this.#latest.set(
        `earlier-${index}`,
        new Set(index % EARLIER_MAILS_PER_BOUNCE === 0 ? ['bounced'] : []),
      );
    }
  }

  /** Counts an event of a mail. */
  told(event: SesEvent): void {
    switch (event.eventType) {
      case 'Send':
        this.#count('Send', event.mail.destination.length);
        this.#sent(event.mail.messageId);
        break;
      case 'Delivery':
        this.#count('Delivery', event.delivery.recipients.length);
        break;
      case 'Bounce':
        this.#count('Bounce', event.bounce.bouncedRecipients.length);
        // Only permanent bounces affect the reputation.
        if (event.bounce.bounceType === 'Permanent') this.#mark(event.mail.messageId, 'bounced');
        break;
      case 'Complaint':
        this.#count('Complaint', event.complaint.complainedRecipients.length);
        this.#mark(event.mail.messageId, 'complained');
    }
  }

  sample(nowMs: number): void {
    this.#report('Reputation.BounceRate', this.#rateOf('bounced'), 'None', nowMs);
    this.#report('Reputation.ComplaintRate', this.#rateOf('complained'), 'None', nowMs);
  }

  #sent(messageId: string): void {
    this.#latest.set(messageId, new Set());
    const [oldest] = this.#latest.keys();
    if (oldest !== undefined) this.#latest.delete(oldest);
  }

  #mark(messageId: string, mark: Mark): void {
    this.#latest.get(messageId)?.add(mark);
  }

  #rateOf(mark: Mark): number {
    const marked = [...this.#latest.values()].filter((marks) => marks.has(mark)).length;
    return marked / this.#latest.size;
  }

  #count(name: string, value: number): void {
    this.#report(name, value, 'Count', Date.now());
  }

  #report(name: string, value: number, unit: string, at: number): void {
    this.#observe({ namespace: 'AWS/SES', name, dimensions: {}, at, values: [value], unit });
  }
}

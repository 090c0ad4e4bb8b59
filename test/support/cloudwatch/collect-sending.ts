import type { SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import type { Collector, Observe } from './collector.ts';

/**
 * The rates are of a "representative volume" of mails, of which AWS only says that it fits how much an account sends.
 * Here it is the last thousand, and what was sent before the run was sent without a complaint.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/reputation-dashboard-dg.html
 */
const REPRESENTATIVE_VOLUME = 1000;

/** Of these before the run, one in so many bounced. */
const EARLIER_MAILS_PER_BOUNCE = 200;

type Mark = 'bounced' | 'complained';

/**
 * AWS/SES, from the events of the double: counts and rates of the account, which have no dimension.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
 */
export class SendingCollector implements Collector {
  readonly #observe: Observe;
  /** The latest mails by their SES message id, the oldest first, and what was said of each. */
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

  /** Counts what SES tells of a mail. */
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
        // Only those for ever harm the reputation.
        if (event.bounce.bounceType === 'Permanent') this.#mark(event.mail.messageId, 'bounced');
        break;
      case 'Complaint':
        this.#count('Complaint', event.complaint.complainedRecipients.length);
        this.#mark(event.mail.messageId, 'complained');
    }
  }

  sample(nowMs: number): void {
    this.#tell('Reputation.BounceRate', this.#rateOf('bounced'), 'None', nowMs);
    this.#tell('Reputation.ComplaintRate', this.#rateOf('complained'), 'None', nowMs);
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
    this.#tell(name, value, 'Count', Date.now());
  }

  #tell(name: string, value: number, unit: string, at: number): void {
    this.#observe({ namespace: 'AWS/SES', name, dimensions: {}, at, values: [value], unit });
  }
}

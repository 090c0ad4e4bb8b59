import { MINUTE_MS } from '../../common/time.ts';
import type { SesEvent } from './ses-event.ts';
import type { SesMail } from './submission.ts';

/** The interval of SES's statistics. */
const INTERVAL_MS = 15 * MINUTE_MS;

export interface StatisticsPoint {
  readonly at: Date;
  attempts: number;
  bounces: number;
  complaints: number;
}

/** What SES counts for GetSendStatistics, with one point for each quarter of an hour with mail. */
export class SendStatistics {
  readonly #points = new Map<number, StatisticsPoint>();

  countMail({ at, recipients }: SesMail): void {
    this.#pointAt(at).attempts += recipients.length;
  }

  countEvent(event: SesEvent): void {
    if (event.eventType === 'Bounce' && event.bounce.bounceType === 'Permanent') {
      const { timestamp, bouncedRecipients } = event.bounce;
      this.#pointAt(new Date(timestamp)).bounces += bouncedRecipients.length;
    }
    if (event.eventType === 'Complaint') {
      const { timestamp, complainedRecipients } = event.complaint;
      this.#pointAt(new Date(timestamp)).complaints += complainedRecipients.length;
    }
  }

  get points(): readonly StatisticsPoint[] {
    return [...this.#points.values()];
  }

  #pointAt(at: Date): StatisticsPoint {
    const startMs = Math.floor(at.getTime() / INTERVAL_MS) * INTERVAL_MS;
    const point = this.#points.get(startMs) ?? {
      at: new Date(startMs),
      attempts: 0,
      bounces: 0,
      complaints: 0,
    };
    this.#points.set(startMs, point);
    return point;
  }
}

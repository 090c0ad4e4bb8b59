import type { FeedbackDeps } from '../../lambda/feedback/batch.ts';
import { addressKey } from '../../lib/domain/address.ts';
import { mergeStatuses, type RecipientStatuses } from '../../lib/domain/delivery-status.ts';
import type { EventPace } from '../../lib/domain/event-latency.ts';
import { type Receipt, toStatuses } from '../../lib/domain/receipt.ts';
import { applySignal, NO_RECORD, type SuppressionRecord } from '../../lib/domain/suppression.ts';
import type { DeadLetterCause } from '../../lib/ports/queues.ts';
import { CountedMetrics } from './counted-metrics.ts';
import { MemoryFateLedger } from './memory-status-ledger.ts';

/** The dependencies of the feedback Lambda in memory, and all that it did with them. */
export class FeedbackBench {
  readonly ledger = new MemoryFateLedger();
  readonly receipts: Receipt[] = [];
  readonly suppressions = new Map<string, SuppressionRecord>();
  readonly parked: { body: string; why: DeadLetterCause }[] = [];
  readonly postponed: { receiptHandle: string; delaySeconds: number }[] = [];
  readonly paces: EventPace[] = [];
  readonly delivered: string[] = [];
  readonly metrics = new CountedMetrics();
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  readonly #now = new Date('2026-08-01T10:01:00.000Z');
  readonly #log = (event: string, fields?: object) => void this.logged.push({ event, ...fields });

  readonly deps: FeedbackDeps = {
    ledger: this.ledger,
    receipts: {
      push: async (receipts) => {
        this.receipts.push(...receipts);
        return [];
      },
    },
    suppressions: {
      report: async (address, signal) => {
        const key = addressKey(address);
        this.suppressions.set(key, applySignal(this.suppressions.get(key) ?? NO_RECORD, signal));
      },
    },
    delivered: { record: async (addresses) => void this.delivered.push(...addresses) },
    deadLetters: { park: async (body, why) => void this.parked.push({ body, why }) },
    redelivery: {
      postpone: async ({ receiptHandle }, delaySeconds) =>
        void this.postponed.push({ receiptHandle, delaySeconds }),
    },
    latencies: { add: async (pace) => void this.paces.push(pace) },
    fromDomain: 'keybuzz.io',
    region: 'eu-west-1',
    clock: { now: () => this.#now },
    random: () => 0.5,
    hasTime: () => true,
    log: { info: this.#log, warn: this.#log, error: this.#log },
    metrics: this.metrics,
  };

  async statuses(deliveryId = 'reply-1', part = 0): Promise<RecipientStatuses | undefined> {
    return (await this.ledger.read(deliveryId, part))?.statuses;
  }

  /** The statuses that the API has from the receipts. */
  get known(): RecipientStatuses {
    return this.receipts.map(toStatuses).reduce<RecipientStatuses>(mergeStatuses, {});
  }

  /** The log lines of this event. */
  lines(event: string): Readonly<Record<string, unknown>>[] {
    return this.logged.filter((line) => line.event === event);
  }
}

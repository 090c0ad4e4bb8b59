import { DAY_MS } from '../../lib/common/time.ts';
import { MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../../lib/domain/limits.ts';
import { ASSUMED } from './assumptions.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What mails that arrived together have in common; each has one recipient. */
export interface SimulatedMail {
  readonly tenant: string;
  readonly isUrgent: boolean;
  readonly createdAtMs: number;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** Whether SES has delivered to its address before. */
  readonly isKnown: boolean;
  readonly bounceShare: number;
}

/** A message that was received, until it is deleted or released. */
export interface SimulatedMessage {
  readonly mail: SimulatedMail;
  readonly sentAtMs: number;
  readonly receives: number;
}

/** Messages that are alike, so that millions of them fit into memory. */
interface Cohort {
  readonly mail: SimulatedMail;
  readonly sentAtMs: number;
  readonly receives: number;
  count: number;
}

/** Normal messages sent within this time are one cohort, as old as the first of them. */
const COHORT_MS = 1_000;

/** The messages of one tenant, in the order in which SQS hands them out. */
class Group {
  readonly #fresh = new Line<Cohort>();
  /** Came back, but keep their place before newer ones. */
  readonly #returned = new Line<Cohort>();
  inFlight = 0;

  get isEmpty(): boolean {
    return this.#fresh.first === undefined && this.#returned.first === undefined;
  }

  push(mail: SimulatedMail, sentAtMs: number, count: number): void {
    const last = this.#fresh.last;
    const isSame =
      last !== undefined &&
      last.receives === 0 &&
      !mail.isUrgent &&
      last.mail.isKnown === mail.isKnown &&
      last.mail.bounceShare === mail.bounceShare &&
      sentAtMs - last.sentAtMs < COHORT_MS &&
      Math.abs(mail.createdAtMs - last.mail.createdAtMs) < COHORT_MS;
    if (isSame) last.count += count;
    else this.#fresh.push({ mail, sentAtMs, receives: 0, count });
  }

  comeBack({ mail, sentAtMs, receives }: SimulatedMessage): void {
    const line = receives >= ASSUMED.receivesToBack ? this.#fresh : this.#returned;
    line.push({ mail, sentAtMs, receives, count: 1 });
  }

  take(): SimulatedMessage | undefined {
    const line = this.#returned.first === undefined ? this.#fresh : this.#returned;
    const cohort = line.first;
    if (cohort === undefined) return undefined;
    cohort.count -= 1;
    if (cohort.count === 0) line.shift();
    return { mail: cohort.mail, sentAtMs: cohort.sentAtMs, receives: cohort.receives + 1 };
  }

  *cohorts(): Iterable<Cohort> {
    yield* this.#returned;
    yield* this.#fresh;
  }
}

/** A queue of a million items whose first one is removed in constant time. */
class Line<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  get last(): Item | undefined {
    return this.#items.at(-1);
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): void {
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head < 1_024 || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let place = this.#head; place < this.#items.length; place += 1) {
      const item = this.#items[place];
      if (item !== undefined) yield item;
    }
  }
}

/**
 * A standard queue of SQS. Messages are handed out in the order in which they were sent; one that came back keeps its
 * place until its third receive, and is last from then on. With several message groups the one with the fewest
 * messages in flight is first: SQS documents that fair queues favour such tenants, not by which rule.
 *
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 */
export class SimulatedQueue {
  visible = 0;
  receives = 0;
  /** Requests, each for up to ten messages or one. */
  requests = 0;
  maxReceives = 0;
  maxInFlight = 0;
  /** After {@link MAX_RECEIVE_COUNT} receives. */
  deadLetters = 0;
  /** Deleted at the end of the retention. */
  lost = 0;
  /** Called when messages can be received again. */
  onVisible: (count: number) => void = () => {};
  readonly #time: VirtualTime;
  readonly #groups = new Map<string, Group>();
  readonly #inFlight = new Set<SimulatedMessage>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  push(mail: SimulatedMail, count: number): void {
    this.requests += 1;
    this.#groupOf(mail).push(mail, this.#time.nowMs, count);
    this.visible += count;
    this.onVisible(count);
  }

  receive(max: number): SimulatedMessage[] {
    this.requests += 1;
    const messages: SimulatedMessage[] = [];
    while (messages.length < max && this.#inFlight.size < ASSUMED.maxInFlight) {
      const group = this.#fairGroup();
      const message = group?.take();
      if (group === undefined || message === undefined) break;
      this.visible -= 1;
      if (this.#isGone(message)) continue;
      this.receives += 1;
      this.maxReceives = Math.max(this.maxReceives, message.receives);
      group.inFlight += 1;
      this.#inFlight.add(message);
      messages.push(message);
    }
    this.maxInFlight = Math.max(this.maxInFlight, this.#inFlight.size);
    return messages;
  }

  /** Lambda's poller deletes a batch with one request. */
  delete(messages: readonly SimulatedMessage[]): void {
    if (messages.length > 0) this.requests += 1;
    for (const message of messages) this.#leaveFlight(message);
  }

  /** Changes the visibility timeout: until then the message stays in flight. */
  release(message: SimulatedMessage, delaySeconds: number): void {
    this.requests += 1;
    this.#time.at(this.#time.nowMs + delaySeconds * 1000, () => {
      this.#leaveFlight(message);
      this.#groupOf(message.mail).comeBack(message);
      this.visible += 1;
      this.onVisible(1);
    });
  }

  /** When the oldest mail that waits here, or is in flight, was created; undefined if there is none. */
  oldestMs(): number | undefined {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { mail } of this.#inFlight) oldest = Math.min(oldest, mail.createdAtMs);
    for (const group of this.#groups.values()) {
      for (const { mail } of group.cohorts()) oldest = Math.min(oldest, mail.createdAtMs);
    }
    return oldest === Number.POSITIVE_INFINITY ? undefined : oldest;
  }

  #isGone({ sentAtMs, receives }: SimulatedMessage): boolean {
    const isDeadLetter = receives > MAX_RECEIVE_COUNT;
    const isLost = this.#time.nowMs - sentAtMs > QUEUE_RETENTION_DAYS * DAY_MS;
    if (isDeadLetter) this.deadLetters += 1;
    else if (isLost) this.lost += 1;
    return isDeadLetter || isLost;
  }

  #leaveFlight(message: SimulatedMessage): void {
    this.#inFlight.delete(message);
    this.#groupOf(message.mail).inFlight -= 1;
  }

  #fairGroup(): Group | undefined {
    let fairest: Group | undefined;
    for (const group of this.#groups.values()) {
      if (group.isEmpty) continue;
      if (fairest === undefined || group.inFlight < fairest.inFlight) fairest = group;
    }
    return fairest;
  }

  #groupOf({ tenant }: SimulatedMail): Group {
    const group = this.#groups.get(tenant) ?? new Group();
    this.#groups.set(tenant, group);
    return group;
  }
}

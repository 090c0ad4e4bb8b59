import { DAY_MS } from '../../lib/common/time.ts';
import { isFuseHolding } from '../../lib/domain/sending-state.ts';
import { isClosed } from '../../lib/domain/ses-outage.ts';
import { ASSUMED } from './assumptions.ts';
import { type Latencies, LatencyHistogram } from './latency-histogram.ts';
import { type FunctionUsage, SimulatedFunctions } from './simulated-functions.ts';
import { type SimulatedMail, SimulatedQueue } from './simulated-queue.ts';
import { type SesAccountOptions, type SesFault, SimulatedSes } from './simulated-ses.ts';
import { SimulatedState } from './simulated-state.ts';
import { START_MS, seededRandom, VirtualTime } from './virtual-time.ts';

/** Mail of one kind that the worker hands over, evenly over a time. */
export interface Arrivals {
  readonly mails: number;
  /** Since the start. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly isUrgent?: boolean;
  /** The mails are of as many tenants, in turn. */
  readonly tenants?: readonly string[];
  /** Whether SES has delivered to the addresses before. */
  readonly isKnown?: boolean;
  readonly bounceShare?: number;
}

export interface SimulationOptions {
  readonly arrivals: readonly Arrivals[];
  /** Times of its faults are since the start. */
  readonly account: SesAccountOptions;
  /** Functions of the fallback queue. */
  readonly concurrency: number;
  readonly hasFuse?: boolean;
  readonly seed?: number;
  /** When mail can be sent at full rate: drain time counts from here. By default once the last mail has arrived. */
  readonly drainFromMs?: number;
  readonly sampleMs: number;
  /** Called with each sample. */
  readonly onSample?: (sample: Sample) => void;
}

/** The state of the pipeline at one moment. */
export interface Sample {
  /** Since the start. */
  readonly atMs: number;
  readonly waiting: { readonly normal: number; readonly urgent: number; readonly held: number };
  /** Undefined if nothing waits. */
  readonly oldestMs: { readonly normal: number | undefined; readonly urgent: number | undefined };
  readonly inFlight: number;
  /** Mails a second since the last sample. */
  readonly sendRate: number;
  readonly isFuseHolding: boolean;
  readonly isOutage: boolean;
  /** Of the newest mails, as AWS may look at it: as many as the fuse counts. Undefined while there are too few. */
  readonly bounceRate: number | undefined;
}

export interface SimulationResult {
  readonly mails: number;
  readonly sent: number;
  readonly expired: number;
  /** Still held when nothing more can happen. */
  readonly held: number;
  readonly deadLetters: number;
  readonly lost: number;
  /** Since the start. */
  readonly lastSentMs: { readonly normal: number; readonly urgent: number };
  readonly drain: {
    readonly waiting: number;
    readonly tookMs: number;
    readonly urgentTookMs: number;
    readonly idealMs: number;
  };
  /** Of the rate, while mail waited that could be sent. */
  readonly quotaUse: number | undefined;
  readonly throttled: number;
  readonly overQuota: number;
  /** Calls that an outage or a pause refused: probes, but for the first. */
  readonly failedCalls: number;
  readonly bounced: number;
  readonly receives: { readonly mean: number; readonly max: number };
  readonly maxInFlight: number;
  readonly urgent: Latencies;
  readonly normal: Latencies;
  readonly tenants: Readonly<Record<string, Latencies>>;
  readonly state: {
    readonly reads: number;
    readonly writes: number;
    readonly races: number;
    readonly maxWritesASecond: number;
  };
  readonly usage: Readonly<FunctionUsage>;
  readonly sqsRequests: number;
  readonly samples: readonly Sample[];
}

/** SendMessageBatch takes ten. */
const SENT_TOGETHER = 10;

const EXPIRY_MS = ASSUMED.expiryDays * DAY_MS;

/** Plays the whole time until each mail is sent, expired or a dead letter. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  return simulation.run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #time = new VirtualTime();
  readonly #state = new SimulatedState(this.#time);
  readonly #ses: SimulatedSes;
  readonly #queues = {
    normal: new SimulatedQueue(this.#time),
    urgent: new SimulatedQueue(this.#time),
    held: new SimulatedQueue(this.#time),
  };
  readonly #usage: FunctionUsage = {
    invocations: 0,
    functionMs: 0,
    ledgerWrites: 0,
    ledgerReads: 0,
    sqsSends: 0,
  };
  readonly #mails: number;
  #sent = 0;
  #expired = 0;
  #lastSentMs = { normal: 0, urgent: 0 };
  readonly #latencies = { urgent: new LatencyHistogram(), normal: new LatencyHistogram() };
  readonly #tenants = new Map<string, LatencyHistogram>();
  readonly #samples: Sample[] = [];
  #sampledSent = 0;
  #busy = { sent: 0, ms: 0 };
  #drainWaiting = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const random = seededRandom(options.seed ?? 1);
    const faults = (options.account.faults ?? []).map((fault) => fromStart(fault));
    this.#ses = new SimulatedSes(this.#time, { ...options.account, faults }, random);
    this.#mails = options.arrivals.reduce((sum, { mails }) => sum + mails, 0);
    const deps = {
      time: this.#time,
      state: this.#state,
      ses: this.#ses,
      random,
      hasFuse: options.hasFuse ?? true,
      hold: (mail: SimulatedMail) => this.#queues.held.push(mail, 1),
      onDone: ({ mail }: { readonly mail: SimulatedMail }, how: 'sent' | 'expired') =>
        this.#onDone(mail, how),
      usage: this.#usage,
    };
    const { normal, urgent, held } = this.#queues;
    const others = { concurrency: ASSUMED.otherConcurrency };
    new SimulatedFunctions(normal, { concurrency: options.concurrency }, deps);
    new SimulatedFunctions(urgent, others, deps);
    new SimulatedFunctions(held, { ...others, isHeld: true }, deps);
  }

  async run(): Promise<SimulationResult> {
    const { arrivals, sampleMs } = this.#options;
    for (const one of arrivals) this.#arrive(one);
    this.#time.at(START_MS + this.#drainFromMs, () => {
      this.#drainWaiting = this.#mails - this.#accounted;
    });
    this.#time.at(START_MS + sampleMs, () => this.#sample());
    await this.#time.run(() => this.#accounted === this.#mails);
    this.#takeSample();
    return this.#result();
  }

  get #accounted(): number {
    const { normal, urgent, held } = this.#queues;
    const gone = [normal, urgent, held].reduce((sum, queue) => sum + queue.deadLetters + queue.lost, 0);
    return this.#sent + this.#expired + gone;
  }

  get #drainFromMs(): number {
    const { arrivals, drainFromMs } = this.#options;
    return drainFromMs ?? Math.max(...arrivals.map(({ toMs }) => toMs));
  }

  get #sinceStartMs(): number {
    return this.#time.nowMs - START_MS;
  }

  #arrive(arrivals: Arrivals): void {
    const { mails, fromMs, toMs, isUrgent = false, tenants = ['one'] } = arrivals;
    const { isKnown = true, bounceShare = 0 } = arrivals;
    const queue = isUrgent ? this.#queues.urgent : this.#queues.normal;
    const together = isUrgent ? 1 : SENT_TOGETHER;
    const intervalMs = (toMs - fromMs) / mails;
    let arrived = 0;
    const next = (): void => {
      const count = Math.min(together, mails - arrived);
      const tenant = tenants[Math.floor(arrived / together) % tenants.length] ?? '';
      const createdAtMs = this.#time.nowMs;
      const expiresAt = new Date(createdAtMs + EXPIRY_MS).toISOString();
      queue.push({ tenant, isUrgent, createdAtMs, expiresAt, isKnown, bounceShare }, count);
      arrived += count;
      if (arrived < mails) this.#time.at(START_MS + fromMs + arrived * intervalMs, next);
    };
    this.#time.at(START_MS + fromMs, next);
  }

  #onDone({ isUrgent, tenant, createdAtMs }: SimulatedMail, how: 'sent' | 'expired'): void {
    if (how === 'expired') {
      this.#expired += 1;
      return;
    }
    const tookMs = this.#time.nowMs - createdAtMs;
    this.#sent += 1;
    const priority = isUrgent ? 'urgent' : 'normal';
    this.#lastSentMs[priority] = this.#sinceStartMs;
    this.#latencies[priority].add(tookMs);
    let ofTenant = this.#tenants.get(tenant);
    if (ofTenant === undefined) {
      ofTenant = new LatencyHistogram();
      this.#tenants.set(tenant, ofTenant);
    }
    ofTenant.add(tookMs);
  }

  #sample(): void {
    this.#takeSample();
    this.#time.at(this.#time.nowMs + this.#options.sampleMs, () => this.#sample());
  }

  #takeSample(): void {
    const { normal, urgent, held } = this.#queues;
    const { nowMs } = this.#time;
    const { state } = this.#state;
    const before = this.#samples.at(-1);
    const tookMs = this.#sinceStartMs - (before?.atMs ?? 0);
    const sent = this.#sent - this.#sampledSent;
    this.#sampledSent = this.#sent;
    const age = (queue: SimulatedQueue) => {
      const oldestMs = queue.oldestMs();
      return oldestMs === undefined ? undefined : nowMs - oldestMs;
    };
    const waitingIn = (queue: SimulatedQueue) => queue.visible + queue.inFlight;
    const sample: Sample = {
      atMs: this.#sinceStartMs,
      waiting: { normal: waitingIn(normal), urgent: waitingIn(urgent), held: waitingIn(held) },
      oldestMs: { normal: age(normal), urgent: age(urgent) },
      inFlight: normal.inFlight + urgent.inFlight + held.inFlight,
      sendRate: tookMs === 0 ? 0 : sent / (tookMs / 1000),
      isFuseHolding: isFuseHolding(state, nowMs),
      isOutage: isClosed(state.outage),
      bounceRate: this.#ses.bounceRate(),
    };
    this.#samples.push(sample);
    if (this.#isBusy(before) && this.#isBusy(sample)) {
      this.#busy = { sent: this.#busy.sent + sent, ms: this.#busy.ms + tookMs };
    }
    this.#options.onSample?.(sample);
  }

  /** Whether more waits than a minute of the rate, and SES takes it. */
  #isBusy(sample: Sample | undefined): boolean {
    if (sample === undefined || sample.isOutage) return false;
    return sample.waiting.normal + sample.waiting.urgent > 60 * this.#options.account.perSecond;
  }

  #result(): SimulationResult {
    const { normal, urgent, held } = this.#queues;
    const queues = [normal, urgent, held];
    const sum = (count: (queue: SimulatedQueue) => number) =>
      queues.reduce((total, queue) => total + count(queue), 0);
    const { perSecond } = this.#options.account;
    const tookMs = (lastMs: number) => Math.max(lastMs - this.#drainFromMs, 0);
    const { reads, writes, races, maxWritesASecond } = this.#state;
    return {
      mails: this.#mails,
      sent: this.#sent,
      expired: this.#expired,
      held: held.visible + held.inFlight,
      deadLetters: sum(({ deadLetters }) => deadLetters),
      lost: sum(({ lost }) => lost),
      lastSentMs: this.#lastSentMs,
      drain: {
        waiting: this.#drainWaiting,
        tookMs: tookMs(Math.max(this.#lastSentMs.normal, this.#lastSentMs.urgent)),
        urgentTookMs: tookMs(this.#lastSentMs.urgent),
        idealMs: (this.#drainWaiting / perSecond) * 1000,
      },
      quotaUse: this.#busy.ms === 0 ? undefined : this.#busy.sent / (this.#busy.ms / 1000) / perSecond,
      throttled: this.#ses.throttled,
      overQuota: this.#ses.overQuota,
      failedCalls: this.#ses.failed,
      bounced: this.#ses.bounced,
      receives: {
        mean: sum(({ receives }) => receives) / this.#mails,
        max: Math.max(...queues.map(({ maxReceives }) => maxReceives)),
      },
      maxInFlight: Math.max(...queues.map(({ maxInFlight }) => maxInFlight)),
      urgent: this.#latencies.urgent.summary(),
      normal: this.#latencies.normal.summary(),
      tenants: Object.fromEntries([...this.#tenants].map(([name, latencies]) => [name, latencies.summary()])),
      state: { reads, writes, races, maxWritesASecond },
      usage: this.#usage,
      sqsRequests: sum(({ requests }) => requests) + this.#usage.sqsSends,
      samples: this.#samples,
    };
  }
}

function fromStart({ kind, fromMs, toMs }: SesFault): SesFault {
  return { kind, fromMs: START_MS + fromMs, toMs: START_MS + toMs };
}

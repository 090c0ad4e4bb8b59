import { singleFlight } from '../../lib/common/async.ts';
import { errorName } from '../../lib/common/errors.ts';
import { judgeReputation, type ReputationRate, reputationRates } from '../../lib/domain/reputation-fuse.ts';
import {
  afterQuotaUsedUp,
  afterThrottling,
  isQuotaStale,
  maxRecipientsOfCall,
  type SendQuota,
  toleratedDelayMs,
  withQuota,
} from '../../lib/domain/send-rate.ts';
import {
  isFuseHolding,
  requestTurns,
  type SendingState,
  type Turns,
  whyBlocked,
} from '../../lib/domain/sending-state.ts';
import { afterFailure, concernsAllMail, isClosed, type SesOutage } from '../../lib/domain/ses-outage.ts';
import type { Clock, Log, Metrics } from '../../lib/ports/runtime.ts';
import type { SendResponse } from '../../lib/ports/senders.ts';
import type { AccountLimits, SendingStateStore, StoredSendingState } from '../../lib/ports/sending.ts';

export interface SendTurnsDeps {
  readonly store: SendingStateStore;
  readonly limits: AccountLimits;
  /** Whether bounces and complaints may hold mail. */
  readonly hasFuse: boolean;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** The reports of one invocation. */
export interface TurnReports {
  readonly log: Log;
  readonly metrics: Metrics;
}

/** One call to SES that waits for its turn. */
export interface Call extends TurnReports {
  readonly recipients: number;
  readonly isUrgent: boolean;
  /** When the caller has to give up waiting. */
  readonly deadline: Date;
}

export type Turn =
  /** The call may be made at that time. */
  | { readonly kind: 'turn'; readonly at: Date }
  /** It was not reached before the deadline. */
  | { readonly kind: 'none'; readonly cause: string };

interface Waiting extends Call {
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a state that was read is believed, where nothing depends on it but a wait. */
const MAX_AGE_MS = 2_000;

/** How often a closed gate is looked at, at least. */
const MAX_SLEEP_MS = 2_000;

/** Functions that wait for the same slot do not all ask at once; less than a slot may be taken ahead. */
const JITTER_MS = 200;

/** Of a state that many functions write at once; each round one of them succeeds. */
const MAX_WRITES = 20;

/** Between looking whether calls may be made and asking for their turns. */
const JUST_READ_MS = 100;

/**
 * Gives the calls of this function their turns, so that all functions together keep to SES's quota. Calls that
 * wait at the same time share a write of the common state.
 */
export class SendTurns {
  readonly #deps: SendTurnsDeps;
  #known: { readonly stored: StoredSendingState; readonly atMs: number } | undefined;
  /** The mails of a batch share a read. */
  readonly #readStore: () => Promise<StoredSendingState>;
  #refreshing: Promise<StoredSendingState> | undefined;
  #waiting: Waiting[] = [];
  #isServing = false;

  constructor(deps: SendTurnsDeps) {
    this.#deps = deps;
    this.#readStore = singleFlight(() => deps.store.read());
  }

  /**
   * Waits until SES may take mail, without taking a turn: what a call needs is loaded after that.
   *
   * @returns why not, if that is after the deadline
   * @throws if the store does not respond
   */
  async untilOpen({
    deadline,
    log,
    metrics,
    ...mail
  }: Omit<Call, 'recipients'> & { readonly isHeld: boolean }): Promise<
    { readonly cause: string } | undefined
  > {
    for (;;) {
      const { state } = await this.#read({ log, metrics });
      const blocked = whyBlocked(state, mail, this.#nowMs());
      if (blocked === undefined) return undefined;
      if (!(await this.#sleepUntil(blocked.untilMs, deadline))) return blocked;
    }
  }

  /**
   * Waits for the turn of a call, or until shortly before it. A process that stood still meanwhile would make all its
   * calls at once, and SES would refuse them for the rate: a turn that has passed is not used.
   *
   * @throws if the store does not respond
   */
  async awaitTurn(call: Call, earlierMs: number): Promise<Turn> {
    for (;;) {
      const turn = await this.take(call);
      if (turn.kind === 'none') return turn;
      await this.until(turn, earlierMs);
      const { stored } = this.#known ?? {};
      const lateMs = this.#nowMs() - turn.at.getTime();
      if (stored === undefined || lateMs <= toleratedDelayMs(stored.state.line)) return turn;
    }
  }

  /** The turn of a call. @throws if the store does not respond */
  take(call: Call): Promise<Turn> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...call, resolve, reject });
      if (!this.#isServing) void this.#serve();
    });
  }

  /** Sleeps until a turn, or shortly before it. */
  async until(turn: { readonly at: Date }, earlierMs = 0): Promise<void> {
    const ms = turn.at.getTime() - earlierMs - this.#nowMs();
    if (ms > 0) await this.#deps.sleep(ms);
  }

  /** How many recipients one call may have. @throws if the store does not respond */
  async maxRecipients(reports: TurnReports): Promise<number> {
    return maxRecipientsOfCall((await this.#read(reports)).state.line);
  }

  /** Whether normal mail to addresses never delivered to is held now. @throws if the store does not respond */
  async isHolding(reports: TurnReports): Promise<boolean> {
    if (!this.#deps.hasFuse) return false;
    return isFuseHolding((await this.#read(reports)).state, this.#nowMs());
  }

  /** Reports the response to a call. Does not throw: if that is lost, the next one is reported. */
  async report(response: SendResponse, reports: TurnReports): Promise<void> {
    if (response.kind === 'failed' && response.verdict.cause === 'sending-rate') {
      reports.metrics.add('Throttled', 1);
    }
    const before = this.#known?.stored.state.outage;
    // What nearly all calls come to, and nothing to write.
    if (response.kind === 'sent' && before === undefined) return;
    try {
      const { outage } = await this.#change(reports, (state) => afterCall(state, response, this.#nowMs()));
      reportOutage(before, outage, reports.log);
    } catch (error) {
      reports.log.warn('sending-state-not-written', errorName(error));
    }
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    // So that calls of the same moment share a request.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) await this.#serveFirst();
    } catch (error) {
      for (const call of this.#waiting.splice(0)) call.reject(error);
    } finally {
      this.#isServing = false;
    }
  }

  async #serveFirst(): Promise<void> {
    const isUrgent = this.#waiting.some((call) => call.isUrgent);
    const calls = this.#waiting.filter((call) => call.isUrgent === isUrgent);
    const [first] = calls;
    if (first === undefined) return;
    const turns = await this.#request(calls, first);
    if (turns.kind === 'granted') {
      const granted = calls.slice(0, turns.startsMs.length);
      this.#waiting = this.#waiting.filter((call) => !granted.includes(call));
      for (const [index, call] of granted.entries()) {
        call.resolve({ kind: 'turn', at: new Date(turns.startsMs[index] ?? 0) });
      }
      return;
    }
    const nowMs = this.#nowMs();
    const late = this.#waiting.filter(({ deadline }) => deadline.getTime() <= nowMs);
    this.#waiting = this.#waiting.filter((call) => !late.includes(call));
    for (const call of late) call.resolve({ kind: 'none', cause: turns.cause });
    if (this.#waiting.length === 0) return;
    await this.#sleepUntil(turns.untilMs, earliestDeadline(this.#waiting));
  }

  /** Reads the state again if another function was first. */
  async #request(calls: readonly Call[], reports: TurnReports): Promise<Turns> {
    const request = {
      recipients: calls.map(({ recipients }) => recipients),
      isUrgent: calls[0]?.isUrgent ?? false,
    };
    for (let writes = 0; writes < MAX_WRITES; writes += 1) {
      const stored = await this.#read(reports, writes === 0 ? JUST_READ_MS : 0);
      const turns = requestTurns(stored.state, request, this.#nowMs());
      if (turns.kind === 'wait' || (await this.#write(turns.state, stored))) return turns;
    }
    return { kind: 'wait', cause: 'rate', untilMs: this.#nowMs() };
  }

  /** @returns the state that holds then */
  async #change(reports: TurnReports, change: (state: SendingState) => SendingState): Promise<SendingState> {
    for (let writes = 0; ; writes += 1) {
      const stored = await this.#read(reports, 0);
      const state = change(stored.state);
      if (state === stored.state || writes === MAX_WRITES || (await this.#write(state, stored))) return state;
    }
  }

  async #write(state: SendingState, seen: StoredSendingState): Promise<boolean> {
    const stored = await this.#deps.store.write(state, seen);
    this.#known = stored && { stored, atMs: this.#nowMs() };
    return stored !== undefined;
  }

  async #read(reports: TurnReports, maxAgeMs = MAX_AGE_MS): Promise<StoredSendingState> {
    const nowMs = this.#nowMs();
    if (this.#known !== undefined && nowMs - this.#known.atMs < maxAgeMs) return this.#known.stored;
    const stored = await this.#readStore();
    this.#known = { stored, atMs: nowMs };
    if (!isQuotaStale(stored.state.line, nowMs)) return stored;
    // The mails of a batch find it stale together.
    this.#refreshing ??= this.#refresh(stored, reports).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Asks SES for the account's limits; only one function does. What is known stays if SES does not answer. */
  async #refresh(stale: StoredSendingState, reports: TurnReports): Promise<StoredSendingState> {
    const { limits, hasFuse } = this.#deps;
    const asking = { ...stale.state, line: { ...stale.state.line, askedAtMs: this.#nowMs() } };
    if (!(await this.#write(asking, stale))) return stale;
    let quota: SendQuota | undefined;
    let rates: readonly ReputationRate[] | undefined;
    try {
      quota = await limits.quota();
      if (hasFuse) rates = reputationRates(await limits.statistics(), this.#nowMs());
    } catch (error) {
      reports.log.warn('account-limits-unknown', errorName(error));
    }
    const state = await this.#change(reports, (before) => withLimits(before, quota, rates, this.#nowMs()));
    reportFuse(stale.state, state, reports.log);
    return this.#known?.stored ?? stale;
  }

  /** @returns false if the deadline is over */
  async #sleepUntil(untilMs: number, deadline: Date): Promise<boolean> {
    const nowMs = this.#nowMs();
    const remainingMs = deadline.getTime() - nowMs;
    if (remainingMs <= 0) return false;
    const wakeMs = Math.min(untilMs - nowMs + this.#deps.random() * JITTER_MS, MAX_SLEEP_MS, remainingMs);
    await this.#deps.sleep(Math.max(wakeMs, 1));
    return true;
  }

  #nowMs(): number {
    return this.#deps.clock.now().getTime();
  }
}

function earliestDeadline(calls: readonly Call[]): Date {
  return new Date(Math.min(...calls.map(({ deadline }) => deadline.getTime())));
}

/** The same state if nothing is known. */
function withLimits(
  state: SendingState,
  quota: SendQuota | undefined,
  rates: readonly ReputationRate[] | undefined,
  nowMs: number,
): SendingState {
  if (quota === undefined) return state;
  const fuse = rates === undefined ? state.fuse : judgeReputation(state.fuse, rates, nowMs);
  return { ...state, line: withQuota(state.line, quota, nowMs), fuse };
}

function reportOutage(before: SesOutage | undefined, after: SesOutage | undefined, log: Log): void {
  if (!isClosed(before) && isClosed(after)) {
    log.error('ses-outage', { cause: after.cause, failures: after.failures });
  }
  if (isClosed(before) && after === undefined) {
    log.warn('ses-outage-over', { cause: before.cause, since: new Date(before.sinceMs).toISOString() });
  }
}

function reportFuse(before: SendingState, { fuse }: SendingState, log: Log): void {
  if (before.fuse === undefined && fuse !== undefined) {
    log.error('reputation-fuse-tripped', { cause: fuse.cause, rate: fuse.rate });
  }
  if (before.fuse !== undefined && fuse === undefined) {
    log.warn('reputation-fuse-reset', { cause: before.fuse.cause });
  }
}

/** What the result of a call says about all mail; the same state if nothing. */
function afterCall(state: SendingState, response: SendResponse, nowMs: number): SendingState {
  if (response.kind === 'sent' || response.verdict.kind === 'never') {
    return state.outage === undefined ? state : { ...state, outage: undefined };
  }
  const { cause, pace } = response.verdict;
  if (cause === 'sending-rate') return { ...state, line: afterThrottling(state.line, nowMs) };
  if (cause === 'daily-quota') return { ...state, line: afterQuotaUsedUp(state.line, nowMs) };
  if (!concernsAllMail(cause) || pace === 'rate') return state;
  return { ...state, outage: afterFailure(state.outage, { cause, pace }, nowMs) };
}

import { classifySesError } from '../../lib/adapters/ses/classify-ses-error.ts';
import { DAY_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { reputationRates, type SendStatistics } from '../../lib/domain/reputation-fuse.ts';
import type { SendQuota } from '../../lib/domain/send-rate.ts';
import type { SendResponse } from '../../lib/ports/senders.ts';
import type { AccountLimits } from '../../lib/ports/sending.ts';
import { ASSUMED } from './assumptions.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SesAccountOptions {
  /** Recipients. */
  readonly perSecond: number;
  /** Recipients in 24 hours; undefined if there is no limit. */
  readonly perDay?: number | undefined;
  readonly faults?: readonly SesFault[];
}

export interface SesFault {
  readonly kind: 'unreachable' | 'paused';
  readonly fromMs: number;
  readonly toMs: number;
}

const SENT: SendResponse = { kind: 'sent', sesMessageId: 'simulated' };
const UNREACHABLE = failed('ECONNREFUSED', '', undefined);
const PAUSED = failed('AccountSendingPausedException', '', 400);
const THROTTLED = failed('Throttling', 'Maximum sending rate exceeded.', 400);
const OVER_QUOTA = failed('Throttling', 'Daily message quota exceeded.', 400);

function failed(code: string, message: string, httpStatus: number | undefined): SendResponse {
  return { kind: 'failed', verdict: classifySesError(code, message, httpStatus), detail: message };
}

const QUARTER_MS = 15 * MINUTE_MS;

/** Sums of token fractions are slightly below whole numbers. */
const ROUNDING = 1e-6;

/**
 * SES as the double in lib/emulators/ses/service.ts: a token bucket of one second, and a quota over the last 24 hours,
 * here by the minute. Its statistics show a quarter of an hour once it is over.
 */
export class SimulatedSes implements AccountLimits {
  accepted = 0;
  throttled = 0;
  overQuota = 0;
  /** Calls refused for an outage or a pause. */
  failed = 0;
  bounced = 0;
  readonly #time: VirtualTime;
  readonly #account: SesAccountOptions;
  readonly #random: () => number;
  #tokens: number;
  #refilledAtMs: number;
  /** Accepted, by minute. */
  readonly #minutes: { readonly atMs: number; count: number }[] = [];
  #lastDay = 0;
  readonly #quarters: { atMs: number; attempts: number; bounces: number; complaints: number }[] = [];

  constructor(time: VirtualTime, account: SesAccountOptions, random: () => number) {
    this.#time = time;
    this.#account = account;
    this.#random = random;
    this.#tokens = this.#capacity;
    this.#refilledAtMs = time.nowMs;
  }

  /** A call for one recipient that reaches SES now. */
  send(bounceShare: number): SendResponse {
    const fault = this.#fault();
    if (fault !== undefined) {
      this.failed += 1;
      return fault === 'paused' ? PAUSED : UNREACHABLE;
    }
    if (this.#account.perDay !== undefined && this.#usedToday() + 1 > this.#account.perDay) {
      this.overQuota += 1;
      return OVER_QUOTA;
    }
    this.#refill();
    if (this.#tokens + ROUNDING < 1) {
      this.throttled += 1;
      return THROTTLED;
    }
    this.#tokens -= 1;
    this.#count(bounceShare);
    return SENT;
  }

  async quota(): Promise<SendQuota> {
    await this.#time.sleep(ASSUMED.sesMs);
    if (this.#fault() === 'unreachable') throw new Error('SES cannot be reached');
    const { perSecond, perDay } = this.#account;
    return { perSecond, perDay, usedToday: this.#usedToday() };
  }

  async statistics(): Promise<SendStatistics[]> {
    await this.#time.sleep(ASSUMED.sesMs);
    return this.#quarters.filter(({ atMs }) => atMs + QUARTER_MS <= this.#time.nowMs);
  }

  /** Of the newest mails, those of this moment included. */
  bounceRate(): number | undefined {
    return reputationRates(this.#quarters, this.#time.nowMs).find(({ cause }) => cause === 'bounce-rate')
      ?.rate;
  }

  #count(bounceShare: number): void {
    const { nowMs } = this.#time;
    const isBounce = bounceShare > 0 && this.#random() < bounceShare;
    this.accepted += 1;
    this.#lastDay += 1;
    const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    const minute = this.#minutes.at(-1);
    if (minute?.atMs === minuteMs) minute.count += 1;
    else this.#minutes.push({ atMs: minuteMs, count: 1 });

    const quarterMs = Math.floor(nowMs / QUARTER_MS) * QUARTER_MS;
    let quarter = this.#quarters.at(-1);
    if (quarter?.atMs !== quarterMs) {
      quarter = { atMs: quarterMs, attempts: 0, bounces: 0, complaints: 0 };
      this.#quarters.push(quarter);
    }
    quarter.attempts += 1;
    if (!isBounce) return;
    quarter.bounces += 1;
    this.bounced += 1;
  }

  #usedToday(): number {
    const sinceMs = this.#time.nowMs - DAY_MS;
    while (this.#minutes[0] !== undefined && this.#minutes[0].atMs <= sinceMs) {
      this.#lastDay -= this.#minutes.shift()?.count ?? 0;
    }
    return this.#lastDay;
  }

  #fault(): SesFault['kind'] | undefined {
    const { nowMs } = this.#time;
    return this.#account.faults?.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)?.kind;
  }

  #refill(): void {
    const { nowMs } = this.#time;
    const earned = ((nowMs - this.#refilledAtMs) / 1000) * this.#account.perSecond;
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned);
    this.#refilledAtMs = nowMs;
  }

  get #capacity(): number {
    return Math.max(1, this.#account.perSecond);
  }
}

import { DAY_MS } from '../../common/time.ts';
import type { Clock } from '../../ports/runtime.ts';
import { isMailboxSimulator, type SesAccount } from './account.ts';
import { checkSubmission } from './check-submission.ts';
import { deliveredMessage } from './delivered-message.ts';
import type { SendOutcome, SesService } from './http-exchange.ts';
import type { SendStatistics } from './send-statistics.ts';
import { newSesMessageId, type Refusal, type SesApi, type SesMail, type Submission } from './submission.ts';

export interface SesServiceOptions {
  readonly account: SesAccount;
  readonly region: string;
  readonly clock: Clock;
  readonly statistics: SendStatistics;
  /** Called with each accepted mail, before the response. */
  readonly onAccepted: (mail: SesMail) => void;
}

/** SES without a protocol: accepts or refuses submissions, and counts them. */
export function createSesService(options: SesServiceOptions): SesService {
  const { account, clock, statistics } = options;
  const limits = new SendingLimits(account, clock.now());
  return {
    account,
    statistics,
    now: () => clock.now(),
    sentLast24Hours: () => limits.sentLast24Hours(clock.now()),
    send: (submission, api) => send(submission, api, limits, options),
  };
}

function send(
  submission: Submission,
  api: SesApi,
  limits: SendingLimits,
  { account, region, clock, onAccepted }: SesServiceOptions,
): SendOutcome {
  const check = checkSubmission(submission, { account, api, region });
  if (check.kind === 'refused') return check;
  const at = clock.now();
  const overLimit = limits.admit(check.recipients, at);
  if (overLimit !== undefined) return { kind: 'refused', refusal: overLimit };

  const { raw, tags, configurationSet } = submission;
  const sesMessageId = newSesMessageId(at);
  const mail: SesMail = {
    api,
    sesMessageId,
    at,
    source: check.source,
    recipients: check.recipients,
    tags,
    ...(configurationSet !== undefined && { configurationSet }),
    raw,
    delivered: deliveredMessage(raw, { sesMessageId, at, region }),
  };
  onAccepted(mail);
  return { kind: 'accepted', mail };
}

/** Sums of token fractions are slightly below whole numbers; this must not throttle a call. */
const ROUNDING = 1e-6;

/**
 * The sending rate and daily quota of an account, both counted by recipients.
 *
 * The rate is a token bucket with a capacity of one second. AWS documents that a rate may be exceeded "for
 * short bursts, but not for a sustained period", but not the algorithm. A call for more recipients than the
 * capacity would never pass, so it passes a full bucket and leaves it negative: this keeps the sustained
 * rate.
 */
class SendingLimits {
  readonly #account: SesAccount;
  #tokens: number;
  #refilledAtMs: number;
  /** In chronological order. */
  readonly #sends: { readonly atMs: number; readonly recipients: number }[] = [];
  #sentRecipients = 0;

  constructor(account: SesAccount, now: Date) {
    this.#account = account;
    this.#tokens = this.#capacity();
    this.#refilledAtMs = now.getTime();
  }

  /** Counts a mail to these recipients, or returns which limit it exceeds; then nothing is counted. */
  admit(recipients: readonly string[], now: Date): Refusal | undefined {
    // mail to the simulator counts for the rate, but is documented not to count for the daily quota
    const counted = recipients.filter((recipient) => !isMailboxSimulator(recipient)).length;
    if (this.#isOverDailyQuota(counted, now)) return throttled('Daily message quota exceeded.');
    this.#refill(now);
    if (this.#tokens + ROUNDING < Math.min(recipients.length, this.#capacity())) {
      return throttled('Maximum sending rate exceeded.');
    }
    this.#tokens -= recipients.length;
    this.#sends.push({ atMs: now.getTime(), recipients: counted });
    this.#sentRecipients += counted;
    return undefined;
  }

  /** Recipients sent to in the last 24 hours. */
  sentLast24Hours(now: Date): number {
    const since = now.getTime() - DAY_MS;
    while (this.#sends[0] !== undefined && this.#sends[0].atMs <= since) {
      this.#sentRecipients -= this.#sends.shift()?.recipients ?? 0;
    }
    return this.#sentRecipients;
  }

  #isOverDailyQuota(recipients: number, now: Date): boolean {
    if (this.#account.max24HourSend < 0) return false;
    return this.sentLast24Hours(now) + recipients > this.#account.max24HourSend;
  }

  #refill(now: Date): void {
    const elapsedMs = Math.max(0, now.getTime() - this.#refilledAtMs);
    const earned = (elapsedMs / 1000) * this.#account.maxSendRate;
    this.#tokens = Math.min(this.#capacity(), this.#tokens + earned);
    this.#refilledAtMs += elapsedMs;
  }

  #capacity(): number {
    return Math.max(1, this.#account.maxSendRate);
  }
}

function throttled(message: string): Refusal {
  return { reason: 'throttled', message };
}

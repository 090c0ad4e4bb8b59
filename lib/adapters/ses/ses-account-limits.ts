import {
  GetSendQuotaCommand,
  GetSendStatisticsCommand,
  SESClient,
  type SESClientConfig,
} from '@aws-sdk/client-ses';
import * as v from 'valibot';
import type { SendStatistics } from '../../domain/reputation-fuse.ts';
import type { SendQuota } from '../../domain/send-rate.ts';
import type { AccountLimits } from '../../ports/sending.ts';

/** The value of SES for "no limit". */
const UNLIMITED = -1;

const count = v.pipe(v.number(), v.finite(), v.minValue(0));

const quotaSchema = v.object({
  MaxSendRate: v.pipe(v.number(), v.gtValue(0)),
  Max24HourSend: v.union([count, v.literal(UNLIMITED)]),
  SentLast24Hours: count,
});

const statisticsSchema = v.array(
  v.object({
    Timestamp: v.date(),
    DeliveryAttempts: count,
    Bounces: count,
    Complaints: count,
  }),
);

/**
 * Asks SES for the limits of the account and what became of its mail, by the v1 API, whose client is loaded anyway:
 *
 * - https://docs.aws.amazon.com/ses/latest/APIReference/API_GetSendQuota.html
 * - https://docs.aws.amazon.com/ses/latest/APIReference/API_GetSendStatistics.html
 */
export class SesAccountLimits implements AccountLimits {
  readonly #timeoutMs: number;
  readonly #config: SESClientConfig;
  /** A client of its own: unlike a send, these calls may be retried. */
  #client: SESClient | undefined;

  /** @param config by default from the environment */
  constructor(timeoutMs: number, config: SESClientConfig = {}) {
    this.#timeoutMs = timeoutMs;
    this.#config = config;
  }

  async quota(): Promise<SendQuota> {
    const response = await this.#ses.send(new GetSendQuotaCommand({}), this.#limit());
    const { MaxSendRate, Max24HourSend, SentLast24Hours } = v.parse(quotaSchema, response);
    return {
      perSecond: MaxSendRate,
      ...(Max24HourSend === UNLIMITED ? {} : { perDay: Max24HourSend }),
      usedToday: SentLast24Hours,
    };
  }

  async statistics(): Promise<SendStatistics[]> {
    const { SendDataPoints } = await this.#ses.send(new GetSendStatisticsCommand({}), this.#limit());
    return v.parse(statisticsSchema, SendDataPoints ?? []).map((point) => ({
      atMs: point.Timestamp.getTime(),
      attempts: point.DeliveryAttempts,
      bounces: point.Bounces,
      complaints: point.Complaints,
    }));
  }

  get #ses(): SESClient {
    this.#client ??= new SESClient({ ...this.#config, maxAttempts: 2 });
    return this.#client;
  }

  #limit(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#timeoutMs) };
  }
}

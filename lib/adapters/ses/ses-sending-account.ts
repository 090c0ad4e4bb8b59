import { GetAccountCommand, type GetAccountCommandOutput, type SESv2Client } from '@aws-sdk/client-sesv2';
import * as v from 'valibot';
import type { SendingAccount, SendingQuota, SendingState } from '../../ports/account.ts';

/** The value of SES for "no limit". */
const UNLIMITED = -1;

/**
 * Reads the account's quota and sending status from SES v2:
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
 */
export class SesSendingAccount implements SendingAccount {
  readonly #ses: SESv2Client;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for the call, including SDK retries */
  constructor(ses: SESv2Client, timeoutMs: number) {
    this.#ses = ses;
    this.#timeoutMs = timeoutMs;
  }

  async state(): Promise<SendingState> {
    const account = await this.#ses.send(new GetAccountCommand({}), {
      abortSignal: AbortSignal.timeout(this.#timeoutMs),
    });
    return {
      quota: quotaOf(account),
      maxPerSecond: maxPerSecondIn(account),
      isPaused: isPausedIn(account),
    };
  }
}

const count = v.pipe(v.number(), v.finite(), v.minValue(0));

const quotaSchema = v.object({
  Max24HourSend: v.union([count, v.literal(UNLIMITED)]),
  SentLast24Hours: count,
});

function quotaOf({ SendQuota }: GetAccountCommandOutput): SendingQuota | undefined {
  const parsed = v.safeParse(quotaSchema, SendQuota);
  if (!parsed.success) return undefined;
  const { Max24HourSend: limit, SentLast24Hours: used } = parsed.output;
  return limit === UNLIMITED ? { kind: 'unlimited' } : { kind: 'limited', limit, used };
}

function maxPerSecondIn({ SendQuota }: GetAccountCommandOutput): number | undefined {
  const parsed = v.safeParse(count, SendQuota?.MaxSendRate);
  return parsed.success ? parsed.output : undefined;
}

const pauseSchema = v.object({ SendingEnabled: v.boolean(), EnforcementStatus: v.string() });

/** The owner pauses by a switch, AWS by SHUTDOWN. PROBATION and future values do not stop sending. */
function isPausedIn(account: GetAccountCommandOutput): boolean | undefined {
  const parsed = v.safeParse(pauseSchema, account);
  if (!parsed.success) return undefined;
  const { SendingEnabled, EnforcementStatus } = parsed.output;
  return !SendingEnabled || EnforcementStatus === 'SHUTDOWN';
}

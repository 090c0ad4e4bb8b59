import { GetAccountCommand, type GetAccountCommandOutput, type SESv2Client } from '@aws-sdk/client-sesv2';
import * as v from 'valibot';
import type { SendingAccount, SendingQuota, SendingState } from '../../ports/account.ts';

/** What SES says where there is no limit. */
const UNLIMITED = -1;

/**
 * Asks SES v2 how much the account may send and whether it may:
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
 */
export class SesSendingAccount implements SendingAccount {
  readonly #ses: SESv2Client;
  readonly #timeoutMs: number;

  /** @param timeoutMs what the call may take in all, the tries of the SDK included */
  constructor(ses: SESv2Client, timeoutMs: number) {
    this.#ses = ses;
    this.#timeoutMs = timeoutMs;
  }

  async state(): Promise<SendingState> {
    const account = await this.#ses.send(new GetAccountCommand({}), {
      abortSignal: AbortSignal.timeout(this.#timeoutMs),
    });
    return { quota: quotaOf(account), isPaused: isPausedIn(account) };
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

const pauseSchema = v.object({ SendingEnabled: v.boolean(), EnforcementStatus: v.string() });

/** The owner pauses by a switch, AWS by a shutdown. Probation, and words that are yet to come, stop nothing. */
function isPausedIn(account: GetAccountCommandOutput): boolean | undefined {
  const parsed = v.safeParse(pauseSchema, account);
  if (!parsed.success) return undefined;
  const { SendingEnabled, EnforcementStatus } = parsed.output;
  return !SendingEnabled || EnforcementStatus === 'SHUTDOWN';
}

import { GetAccountCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import { maskAddress } from '../../message/address.ts';

/** Where the account stands on its way out of the sandbox. */
export interface AccountStanding {
  /** True out of the sandbox. */
  readonly production: boolean;
  readonly sendingEnabled: boolean;
  /** `HEALTHY`, `PROBATION` or `SHUTDOWN`. */
  readonly enforcement: string;
  readonly quota: { readonly perDay: number; readonly perSecond: number; readonly sentInLastDay: number };
  /** What SES's own suppression list takes addresses for: `BOUNCE`, `COMPLAINT`. */
  readonly suppressedReasons: readonly string[];
  /** Of the last request; undefined where there was none. */
  readonly review: AccountReview | undefined;
  /** What AWS was told with it. */
  readonly told: { readonly website: string | undefined; readonly contacts: readonly string[] } | undefined;
}

interface AccountReview {
  /** `PENDING`, `GRANTED`, `DENIED` or `FAILED`. */
  readonly status: string;
  /** Of AWS Support. */
  readonly caseId: string | undefined;
}

/**
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
 *
 * @throws what the SDK throws
 */
export async function readStanding(ses: SESv2Client, signal: AbortSignal): Promise<AccountStanding> {
  const account = await ses.send(new GetAccountCommand({}), { abortSignal: signal });
  const { Details: details, SendQuota: quota } = account;
  const review = details?.ReviewDetails;
  return {
    production: account.ProductionAccessEnabled === true,
    sendingEnabled: account.SendingEnabled === true,
    enforcement: account.EnforcementStatus ?? 'unknown',
    quota: {
      perDay: quota?.Max24HourSend ?? 0,
      perSecond: quota?.MaxSendRate ?? 0,
      sentInLastDay: quota?.SentLast24Hours ?? 0,
    },
    suppressedReasons: account.SuppressionAttributes?.SuppressedReasons ?? [],
    review: review?.Status === undefined ? undefined : { status: review.Status, caseId: review.CaseId },
    told: details && {
      website: details.WebsiteURL,
      contacts: (details.AdditionalContactEmailAddresses ?? []).map(maskAddress),
    },
  };
}

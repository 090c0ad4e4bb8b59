import { GetAccountCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import { maskAddress } from '../../domain/address.ts';

/** SES sending status of the account, with its sandbox state. */
export interface AccountState {
  /** True if the account is out of the sandbox. */
  readonly production: boolean;
  readonly sendingEnabled: boolean;
  /** `HEALTHY`, `PROBATION` or `SHUTDOWN`. */
  readonly enforcement: string;
  readonly quota: { readonly perDay: number; readonly perSecond: number; readonly sentInLastDay: number };
  /** Reasons for which SES's account-level list suppresses addresses: `BOUNCE`, `COMPLAINT`. */
  readonly suppressedReasons: readonly string[];
  /** Of the last request; undefined if there was none. */
  readonly review: AccountReview | undefined;
  /** Details that were submitted with it. */
  readonly told: { readonly website: string | undefined; readonly contacts: readonly string[] } | undefined;
}

interface AccountReview {
  /** `PENDING`, `GRANTED`, `DENIED` or `FAILED`. */
  readonly status: string;
  /** AWS Support case. */
  readonly caseId: string | undefined;
}

/**
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
 *
 * @throws SDK errors
 */
export async function readAccountState(ses: SESv2Client, signal: AbortSignal): Promise<AccountState> {
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

/** What the account state means for leaving the sandbox. */
export type AccessState =
  /** Nothing to do. */
  | { readonly kind: 'granted'; readonly detail: string }
  /** AWS is reviewing a request. */
  | { readonly kind: 'pending'; readonly detail: string; readonly fix: string }
  /** AWS has denied the request, and the API accepts no second one. */
  | { readonly kind: 'denied'; readonly detail: string; readonly fix: string }
  /** A request can be made. */
  | { readonly kind: 'sandbox'; readonly detail: string; readonly fix: string };

const SUPPORT = 'https://support.console.aws.amazon.com/support/home';

/** https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html */
export function accessStateOf({
  production,
  review,
}: Pick<AccountState, 'production' | 'review'>): AccessState {
  if (production) return { kind: 'granted', detail: 'out of the sandbox' };
  const where = review?.caseId === undefined ? '' : ` (case ${review.caseId})`;
  switch (review?.status) {
    case 'PENDING':
      return {
        kind: 'pending',
        detail: `in the sandbox; AWS reviews the request${where}`,
        fix: `wait: the first answer comes within a day, by mail and at ${caseUrl(review.caseId)}; it may be a question to answer there`,
      };
    case 'DENIED':
      return {
        kind: 'denied',
        detail: `in the sandbox; AWS has denied the request${where}`,
        fix: `reply to the case, which opens it again: ${caseUrl(review.caseId)}. Say what has changed, with the text of "mailctl production-access request --draft-file"; a second request by this way would be refused`,
      };
    case 'FAILED':
      return {
        kind: 'sandbox',
        detail: `in the sandbox; AWS could not take up the last request${where}`,
        fix: 'file it again: mailctl production-access request --website URL',
      };
    default:
      return {
        kind: 'sandbox',
        detail: 'in the sandbox: verified recipients alone, 200 a day, 1 a second',
        fix: 'mailctl production-access request --website URL',
      };
  }
}

const caseUrl = (caseId: string | undefined) =>
  caseId === undefined ? SUPPORT : `${SUPPORT}#/case/?displayId=${caseId}`;

/**
 * The SES mailbox simulator: accepts all mail, in the sandbox too, and does not affect the reputation.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
 */
export const SIMULATOR = 'success@simulator.amazonses.com';

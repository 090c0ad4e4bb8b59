import type { GetAccountResponse } from '@aws-sdk/client-sesv2';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, fail, ok, warn } from '../check.ts';

/** Of the day's quota, from when on somebody should know. */
const QUOTA_WARNING = 0.8;

/** What SES lets the account do. */
export const SENDING_CHECKS: readonly Check[] = [
  accountCheck('production', production),
  accountCheck('quota', quota),
  accountCheck('enabled', enabled),
];

type Judge = (account: GetAccountResponse, commands: MendCommands) => CheckResult;

function accountCheck(name: string, judge: Judge): Check {
  return {
    group: 'sending',
    name,
    run: async ({ lookups, commands }) => judge(await lookups.sesAccount(), commands),
  };
}

function production(
  { ProductionAccessEnabled, Details }: GetAccountResponse,
  commands: MendCommands,
): CheckResult {
  if (ProductionAccessEnabled === true) return ok('out of the sandbox');
  const review = Details?.ReviewDetails?.Status;
  const told = 'in the sandbox: only verified recipients, 200 a day, 1 a second';
  if (review === 'PENDING') {
    return warn(
      `${told}; the request is under review`,
      "wait for AWS's answer, which comes by mail and as a case",
    );
  }
  const asked = review === undefined ? '' : `; the last request: ${review}`;
  return warn(`${told}${asked}`, commands.mailctl('production-access'));
}

function quota(
  { SendQuota, ProductionAccessEnabled }: GetAccountResponse,
  commands: MendCommands,
): CheckResult {
  const { Max24HourSend: most = 0, SentLast24Hours: sent = 0, MaxSendRate: rate = 0 } = SendQuota ?? {};
  // SES says "no limit" so.
  if (most < 0) return ok(`${sent} sent in 24 hours, without a limit; ${rate} a second`);
  const used = most === 0 ? 1 : sent / most;
  const told = `${sent} of ${most} sent in 24 hours (${Math.round(used * 100)} %); ${rate} a second`;
  if (used < QUOTA_WARNING) return ok(told);
  const mend =
    ProductionAccessEnabled === true
      ? 'ask for more: Service Quotas, Amazon Simple Email Service, "Sending quota"'
      : commands.mailctl('production-access');
  return used < 1 ? warn(told, mend) : fail(`${told}: mail is parked until it frees up`, mend);
}

/** @see https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html */
function enabled(
  { SendingEnabled, EnforcementStatus }: GetAccountResponse,
  commands: MendCommands,
): CheckResult {
  const answer = 'answer the case that AWS opened: AWS console, Support Center';
  if (EnforcementStatus === 'SHUTDOWN') return fail('AWS has shut down sending for the account', answer);
  if (SendingEnabled !== true) {
    const mend = commands.aws('sesv2 put-account-sending-attributes --sending-enabled');
    return fail('sending is paused for the account', mend);
  }
  if (EnforcementStatus === 'PROBATION') return warn('AWS has put the account under review', answer);
  return ok(`sending is enabled, the account is ${EnforcementStatus ?? 'of an unknown standing'}`);
}

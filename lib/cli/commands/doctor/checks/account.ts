import { type AccessKeyMetadata, type IAMClient, paginateListAccessKeys } from '@aws-sdk/client-iam';
import type { GetAccountResponse } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { identityStackName, monitoringStackName, pipelineStackName } from '../../../../common/names.ts';
import { DAY_MS } from '../../../../common/time.ts';
import type { DeployedStack } from '../../../deployment.ts';
import type { FixHints } from '../../../hints.ts';
import { type Check, type CheckResult, type DoctorContext, fail, ok, resourceCheck, warn } from '../check.ts';

/** Who the calls are made as, and where. */
export const CREDENTIALS_CHECK: Check = {
  group: 'account',
  name: 'credentials',
  run: async ({ lookups, aws }) => {
    const { account, arn } = await lookups.caller();
    // The user or the session; what stands before it is the account once more.
    return ok(`account ${account} as ${arn.split(':').slice(5).join(':')}, Region ${aws.region}`);
  },
};

export const STACK_CHECKS: readonly Check[] = [
  {
    group: 'stacks',
    name: 'identity',
    run: async (context) => judgeStack((await context.lookups.stacks()).identity, identityStackName, context),
  },
  {
    group: 'stacks',
    name: 'pipeline',
    run: async (context) => judgeStack((await context.lookups.stacks()).pipeline, pipelineStackName, context),
  },
  {
    group: 'stacks',
    name: 'monitoring',
    run: async (context) => judgeMonitoring((await context.lookups.stacks()).monitoring, context),
  },
];

/** Without it nobody is told when mail stops, and that is all: mail flows. */
function judgeMonitoring(
  stack: DeployedStack | undefined,
  { deployment, aws, commands }: DoctorContext,
): CheckResult {
  if (stack === undefined) {
    const told = `there is no stack ${monitoringStackName(deployment)} in ${aws.region}: mail flows, and nobody sees when it stops`;
    return warn(told, commands.deploy);
  }
  const result = judgeStatus(stack, commands);
  return result.status === 'fail' ? warn(result.detail, result.fix) : result;
}

function judgeStack(
  stack: DeployedStack | undefined,
  nameOf: typeof pipelineStackName,
  { deployment, aws, commands }: DoctorContext,
): CheckResult {
  if (stack !== undefined) return judgeStatus(stack, commands);
  return fail(`there is no stack ${nameOf(deployment)} in ${aws.region}`, commands.deploy);
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
function judgeStatus({ name, status }: DeployedStack, commands: FixHints): CheckResult {
  const told = `${name}: ${status}`;
  switch (status) {
    case 'CREATE_COMPLETE':
    case 'UPDATE_COMPLETE':
    case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
    case 'IMPORT_COMPLETE':
      return ok(told);
    case 'UPDATE_ROLLBACK_COMPLETE':
      return warn(`${told}: the last deployment failed, the one before it stands`, commands.deploy);
    case 'UPDATE_ROLLBACK_FAILED':
      return fail(told, commands.aws(`cloudformation continue-update-rollback --stack-name ${name}`));
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED': {
      const remove = commands.aws(`cloudformation delete-stack --stack-name ${name}`);
      return fail(`${told}: such a stack cannot be deployed to`, `${remove} && ${commands.deploy}`);
    }
    default:
      return status.endsWith('_IN_PROGRESS')
        ? warn(
            told,
            `wait until it is done: ${commands.aws(`cloudformation describe-stacks --stack-name ${name}`)}`,
          )
        : fail(told, commands.deploy);
  }
}

const OLD_DAYS = 90;
const TOO_OLD_DAYS = 365;

/** How old the key is that the API hands over with. */
export const ACCESS_KEY_CHECK = resourceCheck({
  group: 'key',
  name: 'access-key',
  resource: 'apiUser',
  run: async (userName, { aws, commands, now }, signal) => {
    const keys = await keysOf(await aws.iam(), userName, signal);
    if (keys === undefined) {
      return fail(`there is no user ${userName}: somebody has deleted it`, commands.driftedStack);
    }
    return judgeKeyAge(
      keys.filter(({ Status }) => Status === 'Active'),
      { userName, now, commands },
    );
  },
});

interface KeyFacts {
  readonly userName: string;
  readonly now: Date;
  readonly commands: FixHints;
}

function judgeKeyAge(
  active: readonly AccessKeyMetadata[],
  { userName, now, commands }: KeyFacts,
): CheckResult {
  const renew = commands.mailctl('rotate');
  const days = active.map(({ CreateDate = now }) =>
    Math.floor((now.getTime() - CreateDate.getTime()) / DAY_MS),
  );
  const oldest = Math.max(...days);
  if (active.length === 0) return fail(`${userName} has no active access key`, renew);
  const told = `${userName}: ${active.length === 1 ? 'one active key,' : `${active.length} active keys, the oldest`} ${oldest} days old`;
  if (oldest > TOO_OLD_DAYS) return fail(told, renew);
  if (active.length > 1) return warn(`${told}: a rotation is not finished`, renew);
  return oldest > OLD_DAYS ? warn(told, renew) : ok(told);
}

/** Undefined where there is no such user. */
async function keysOf(client: IAMClient, userName: string, signal: AbortSignal) {
  const keys: AccessKeyMetadata[] = [];
  const pages = paginateListAccessKeys({ client }, { UserName: userName }, { abortSignal: signal });
  try {
    for await (const { AccessKeyMetadata = [] } of pages) keys.push(...AccessKeyMetadata);
    return keys;
  } catch (error) {
    if (['NoSuchEntity', 'NoSuchEntityException'].includes(awsErrorCode(error))) return undefined;
    throw error;
  }
}

/** Of the day's quota, from when on somebody should know. */
const QUOTA_WARNING = 0.8;

/** What SES lets the account do. */
export const SENDING_CHECKS: readonly Check[] = [
  accountCheck('production', production),
  accountCheck('quota', quota),
  accountCheck('enabled', enabled),
];

type Judge = (account: GetAccountResponse, commands: FixHints) => CheckResult;

function accountCheck(name: string, judge: Judge): Check {
  return {
    group: 'sending',
    name,
    run: async ({ lookups, commands }) => judge(await lookups.sesAccount(), commands),
  };
}

function production(
  { ProductionAccessEnabled, Details }: GetAccountResponse,
  commands: FixHints,
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

function quota({ SendQuota, ProductionAccessEnabled }: GetAccountResponse, commands: FixHints): CheckResult {
  const { Max24HourSend: most = 0, SentLast24Hours: sent = 0, MaxSendRate: rate = 0 } = SendQuota ?? {};
  // SES says "no limit" so.
  if (most < 0) return ok(`${sent} sent in 24 hours, without a limit; ${rate} a second`);
  const used = most === 0 ? 1 : sent / most;
  const told = `${sent} of ${most} sent in 24 hours (${Math.round(used * 100)} %); ${rate} a second`;
  if (used < QUOTA_WARNING) return ok(told);
  const fix =
    ProductionAccessEnabled === true
      ? 'ask for more: Service Quotas, Amazon Simple Email Service, "Sending quota"'
      : commands.mailctl('production-access');
  return used < 1 ? warn(told, fix) : fail(`${told}: mail is parked until it frees up`, fix);
}

/** @see https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html */
function enabled({ SendingEnabled, EnforcementStatus }: GetAccountResponse, commands: FixHints): CheckResult {
  const answer = 'answer the case that AWS opened: AWS console, Support Center';
  if (EnforcementStatus === 'SHUTDOWN') return fail('AWS has shut down sending for the account', answer);
  if (SendingEnabled !== true) {
    const fix = commands.aws('sesv2 put-account-sending-attributes --sending-enabled');
    return fail('sending is paused for the account', fix);
  }
  if (EnforcementStatus === 'PROBATION') return warn('AWS has put the account under review', answer);
  return ok(`sending is enabled, the account is ${EnforcementStatus ?? 'of an unknown standing'}`);
}

import { type AccessKeyMetadata, type IAMClient, paginateListAccessKeys } from '@aws-sdk/client-iam';
import type { GetAccountResponse } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { identityStackName, monitoringStackName, pipelineStackName } from '../../../../common/names.ts';
import { DAY_MS } from '../../../../common/time.ts';
import type { DeployedStack } from '../../../deployment.ts';
import type { FixHints } from '../../../hints.ts';
import { deletionCommands } from '../../../lookups/first-deploy.ts';
import { type Check, type CheckResult, type DoctorContext, fail, ok, resourceCheck, warn } from '../check.ts';

/** The identity and Region of the AWS calls. */
export const CREDENTIALS_CHECK: Check = {
  group: 'account',
  name: 'credentials',
  run: async ({ lookups, aws }) => {
    const { account, arn } = await lookups.caller();
    // The user or the session; the first part of the ARN repeats the account.
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

/** Only a warning: without it, mail flows but no one is notified when it stops. */
function judgeMonitoring(
  stack: DeployedStack | undefined,
  { deployment, aws, commands }: DoctorContext,
): CheckResult {
  if (stack === undefined) {
    const text = `there is no stack ${monitoringStackName(deployment)} in ${aws.region}: mail flows, and no alarm fires when it stops`;
    return warn(text, commands.deploy);
  }
  const result = judgeStatus(stack, commands);
  return result.status === 'fail' ? warn(result.detail, result.fix) : result;
}

async function judgeStack(
  stack: DeployedStack | undefined,
  nameOf: typeof pipelineStackName,
  { deployment, aws, commands, lookups }: DoctorContext,
): Promise<CheckResult> {
  if (stack !== undefined) return judgeStatus(stack, commands);
  // What exists already would stop the deploy that is advised here. If that cannot be asked, its own check says so.
  const inTheWay = await lookups.inTheWay().catch(() => []);
  return fail(
    `there is no stack ${nameOf(deployment)} in ${aws.region}`,
    [...inTheWay, commands.deploy].join('; then '),
  );
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
function judgeStatus({ name, status, isProtected }: DeployedStack, commands: FixHints): CheckResult {
  const text = `${name}: ${status}`;
  switch (status) {
    case 'CREATE_COMPLETE':
    case 'UPDATE_COMPLETE':
    case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
    case 'IMPORT_COMPLETE':
      return ok(text);
    case 'UPDATE_ROLLBACK_COMPLETE':
      return warn(`${text}: the last deployment failed, the one before it stands`, commands.deploy);
    case 'UPDATE_ROLLBACK_FAILED':
      return fail(text, commands.aws(`cloudformation continue-update-rollback --stack-name ${name}`));
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED': {
      const remove = deletionCommands({ name, isProtected }, commands).join(' && ');
      return fail(`${text}: such a stack cannot be deployed to`, `${remove} && ${commands.deploy}`);
    }
    default:
      return status.endsWith('_IN_PROGRESS')
        ? warn(
            text,
            `wait until it is done: ${commands.aws(`cloudformation describe-stacks --stack-name ${name}`)}`,
          )
        : fail(text, commands.deploy);
  }
}

const OLD_DAYS = 90;
const TOO_OLD_DAYS = 365;

/** Age of the access key that the API uses to hand over mail. */
export const ACCESS_KEY_CHECK = resourceCheck({
  group: 'key',
  name: 'access-key',
  resource: 'apiUser',
  run: async (userName, { aws, commands, now }, signal) => {
    const keys = await keysOf(await aws.iam(), userName, signal);
    if (keys === undefined) {
      return fail(`there is no user ${userName}: it was deleted by hand`, commands.driftedStack);
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

/** Undefined if there is no such user. */
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

/** Share of the daily quota from which to warn. */
const QUOTA_WARNING = 0.8;

/** Sending limits and status of the SES account. */
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
  const text = 'in the sandbox: only verified recipients, 200 a day, 1 a second';
  if (review === 'PENDING') {
    return warn(
      `${text}; the request is under review`,
      "wait for AWS's answer, which comes by mail and as a case",
    );
  }
  const lastRequest = review === undefined ? '' : `; the last request: ${review}`;
  return warn(`${text}${lastRequest}`, commands.mailctl('production-access'));
}

function quota({ SendQuota, ProductionAccessEnabled }: GetAccountResponse, commands: FixHints): CheckResult {
  const { Max24HourSend: most = 0, SentLast24Hours: sent = 0, MaxSendRate: rate = 0 } = SendQuota ?? {};
  // -1 means no limit.
  if (most < 0) return ok(`${sent} sent in 24 hours, without a limit; ${rate} a second`);
  const used = most === 0 ? 1 : sent / most;
  const text = `${sent} of ${most} sent in 24 hours (${Math.round(used * 100)} %); ${rate} a second`;
  if (used < QUOTA_WARNING) return ok(text);
  const fix =
    ProductionAccessEnabled === true
      ? 'ask for more: Service Quotas, Amazon Simple Email Service, "Sending quota"'
      : commands.mailctl('production-access');
  return used < 1 ? warn(text, fix) : fail(`${text}: mail waits until it frees up`, fix);
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

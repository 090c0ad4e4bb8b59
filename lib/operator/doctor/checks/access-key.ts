import { type AccessKeyMetadata, type IAMClient, paginateListAccessKeys } from '@aws-sdk/client-iam';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type CheckResult, fail, ok, warn } from '../check.ts';
import { resourceCheck } from '../resource-check.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
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
    return judge(
      keys.filter(({ Status }) => Status === 'Active'),
      { userName, now, commands },
    );
  },
});

interface KeyFacts {
  readonly userName: string;
  readonly now: Date;
  readonly commands: MendCommands;
}

function judge(active: readonly AccessKeyMetadata[], { userName, now, commands }: KeyFacts): CheckResult {
  const renew = `raise accessKeySerial in cdk.json, then ${commands.deploy} && ${commands.mailctl('secrets vault')}`;
  const days = active.map(({ CreateDate = now }) =>
    Math.floor((now.getTime() - CreateDate.getTime()) / DAY_MS),
  );
  const oldest = Math.max(...days);
  if (active.length === 0) return fail(`${userName} has no active access key`, renew);
  const told = `${userName}: ${active.length === 1 ? 'one active key,' : `${active.length} active keys, the oldest`} ${oldest} days old`;
  if (oldest > TOO_OLD_DAYS) return fail(told, renew);
  if (active.length > 1) {
    const list = commands.aws(`iam list-access-keys --user-name ${userName}`);
    return warn(told, `${list}, and deactivate the one that Secrets Manager does not have`);
  }
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

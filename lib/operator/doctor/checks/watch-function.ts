import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import { watchLog } from '../../alarms/blindness.ts';
import { type DeployedStack, watchFunctionName, watchStackName } from '../../deployment.ts';
import { type Check, ok, skipped, warn } from '../check.ts';
import { STACKS_UNKNOWN } from '../resource-check.ts';

/**
 * Whether the function is there that tells the alarms of the quota and the key. Whether its schedule starts it is seen
 * by those alarms: see `ringing`.
 */
export const WATCH_FUNCTION_CHECK: Check = {
  group: 'functions',
  name: 'watch',
  run: async ({ aws, deployment, commands, lookups }, signal) => {
    let stack: DeployedStack | undefined;
    try {
      stack = (await lookups.stacks()).watch;
    } catch {
      return skipped(STACKS_UNKNOWN);
    }
    if (stack === undefined) return skipped(`the stack ${watchStackName(deployment)} is not deployed`);
    const name = watchFunctionName(deployment);
    const found = await functionOf(await aws.lambda(), name, signal);
    if (found === undefined) {
      return warn(`there is no function ${name}: somebody has deleted it`, commands.driftedWatchStack);
    }
    const told = `${name}: ${found.State ?? 'of an unknown state'}`;
    const isBroken = found.State === 'Failed' || found.LastUpdateStatus === 'Failed';
    return isBroken
      ? warn(`${told}, the last update ${found.LastUpdateStatus}`, watchLog(deployment, commands))
      : ok(told);
  },
};

/** Undefined where there is no such function. */
async function functionOf(client: LambdaClient, name: string, signal: AbortSignal) {
  try {
    const command = new GetFunctionConfigurationCommand({ FunctionName: name });
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    if (awsErrorCode(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

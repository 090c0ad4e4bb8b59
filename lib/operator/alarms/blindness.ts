import { type DeploymentName, watchFunctionName } from '../deployment.ts';
import type { MendCommands } from '../mend-commands.ts';
import type { DeployedAlarm } from './deployed-alarm.ts';

/** Why alarms cannot ring: that nothing is known is not that all is well. */
export function blindnessText(blind: readonly DeployedAlarm[]): string {
  const [only, ...others] = blind.map(({ name }) => name);
  if (others.length > 0) return 'the watch function is silent';
  const noKey = only === 'key-old' ? ', or the API has no active key' : '';
  return `the watch function tells no value for it${noKey}`;
}

/** Where the watch function says why it is silent. */
export function watchLog(deployment: DeploymentName, commands: MendCommands): string {
  return commands.aws(`logs tail /aws/lambda/${watchFunctionName(deployment)} --since 1h`);
}

import type { MendCommands } from '../mend-commands.ts';
import type { DeployedAlarm } from './deployed-alarm.ts';

/** What the alarm says to run first, about the same deployment and profile; undefined where it says nothing. */
export function firstCommandOf({ first }: DeployedAlarm, commands: MendCommands): string | undefined {
  return first === undefined ? undefined : commands.mailctl(first);
}

import type { MendCommands } from '../mend-commands.ts';
import { OperatorError } from '../operator-error.ts';

/** @param outOfSight how many letters nobody could look at, which may be those that were meant */
export function noSuchLetter(outOfSight: number, commands: MendCommands): OperatorError {
  const hint = outOfSight === 0 ? '' : ` (${outOfSight} are out of sight now: try again in a few minutes)`;
  return new OperatorError(
    'NO_SUCH_LETTER',
    `no dead letter that can be seen is of that id or cause${hint}`,
    commands.mailctl('dlq ls'),
  );
}

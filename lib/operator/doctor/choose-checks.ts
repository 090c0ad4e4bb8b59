import { InvalidArgumentError } from 'commander';
import { CHECK_GROUPS, type Check, type CheckGroup } from './check.ts';

export interface GroupChoice {
  /** @default all */
  readonly only?: readonly CheckGroup[];
  /** @default none */
  readonly skip?: readonly CheckGroup[];
}

export function chooseChecks(checks: readonly Check[], { only, skip = [] }: GroupChoice): Check[] {
  return checks.filter(({ group }) => (only === undefined || only.includes(group)) && !skip.includes(group));
}

/** `dns,smtp`; several times adds up. @throws InvalidArgumentError where there is no such group */
export function parseGroups(text: string, before: readonly CheckGroup[] = []): readonly CheckGroup[] {
  const groups = text.split(',').map((name) => {
    const group = CHECK_GROUPS.find((candidate) => candidate === name.trim());
    if (group === undefined) throw new InvalidArgumentError(`The groups are ${CHECK_GROUPS.join(', ')}.`);
    return group;
  });
  return [...before, ...groups];
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_SOFT_BOUNCES } from '../../message/limits.ts';
import type { SoftBouncePolicy } from '../../message/suppression.ts';

/** As the stack deploys it where cdk.json does not say otherwise. */
export const DEFAULT_SOFT_BOUNCES: SoftBouncePolicy = { softBounces: 3, windowDays: 7 };

const MAX_WINDOW_DAYS = 90;

export interface SoftBounceOptions {
  readonly softBounceLimit: number;
  readonly softBounceWindowDays: number;
}

/** The rule is a setting of the stack that it does not put out: who has changed it there says so here. */
export function addSoftBounceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--soft-bounce-limit <n>', 'softBounceLimit of cdk.json')
        .argParser(wholeNumber(MAX_SOFT_BOUNCES))
        .default(DEFAULT_SOFT_BOUNCES.softBounces),
    )
    .addOption(
      new Option('--soft-bounce-window-days <n>', 'softBounceWindowDays of cdk.json')
        .argParser(wholeNumber(MAX_WINDOW_DAYS))
        .default(DEFAULT_SOFT_BOUNCES.windowDays),
    );
}

export function softBouncePolicyOf(options: SoftBounceOptions): SoftBouncePolicy {
  return { softBounces: options.softBounceLimit, windowDays: options.softBounceWindowDays };
}

function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,4}$/.test(text) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${most}.`);
  };
}

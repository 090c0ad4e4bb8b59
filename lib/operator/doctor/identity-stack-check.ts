import { type Check, type CheckGroup, type CheckResult, skipped } from './check.ts';
import type { DoctorContext } from './doctor-context.ts';
import { STACKS_UNKNOWN } from './resource-check.ts';

export interface IdentityStackCheck {
  readonly group: CheckGroup;
  readonly name: string;
  run(context: DoctorContext): Promise<CheckResult>;
}

/** A check of what the identity's stack asks for. Where there is no stack, that is told once, by its own check. */
export function identityStackCheck({ group, name, run }: IdentityStackCheck): Check {
  return {
    group,
    name,
    run: async (context) => {
      try {
        const { identity } = await context.lookups.stacks();
        if (identity === undefined) return skipped('the stack of the identity is not deployed');
      } catch {
        return skipped(STACKS_UNKNOWN);
      }
      return run(context);
    },
  };
}

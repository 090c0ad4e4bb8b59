import { pipelineStackName } from '../deployment.ts';
import { type Check, type CheckGroup, type CheckResult, fail, skipped } from './check.ts';
import type { DoctorContext } from './doctor-context.ts';
import { findResource, type ResourceName, type StackResource } from './stack-resources.ts';

export const STACKS_UNKNOWN = 'CloudFormation does not say what is deployed: see stacks';

export interface ResourceCheck {
  readonly group: CheckGroup;
  readonly name: string;
  /** Of the pipeline's stack. */
  readonly resource: ResourceName;
  /** @param id the resource's name, URL or ARN */
  run(id: string, context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

/** A check of something that the pipeline's stack made. Where there is no stack, that is told once, by its own check. */
export function resourceCheck({ group, name, resource, run }: ResourceCheck): Check {
  return {
    group,
    name,
    run: async (context, signal) => {
      const { lookups, deployment, commands } = context;
      let resources: readonly StackResource[] | undefined;
      try {
        resources = await lookups.resources();
      } catch {
        return skipped(STACKS_UNKNOWN);
      }
      const stack = pipelineStackName(deployment);
      if (resources === undefined) return skipped(`the stack ${stack} is not deployed`);
      const id = findResource(resources, resource);
      if (id === undefined) return fail(`the stack ${stack} has no ${resource}`, commands.deploy);
      return run(id, context, signal);
    },
  };
}

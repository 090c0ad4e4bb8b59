import type { DeployedStack } from '../../deployment.ts';
import { identityStackName, pipelineStackName, watchStackName } from '../../deployment.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, fail, ok, warn } from '../check.ts';
import type { DoctorContext } from '../doctor-context.ts';

export const STACK_CHECKS: readonly Check[] = [
  {
    group: 'stacks',
    name: 'identity',
    run: async (context) => judge((await context.lookups.stacks()).identity, identityStackName, context),
  },
  {
    group: 'stacks',
    name: 'pipeline',
    run: async (context) => judge((await context.lookups.stacks()).pipeline, pipelineStackName, context),
  },
  {
    group: 'stacks',
    name: 'watch',
    run: async (context) => judgeWatch((await context.lookups.stacks()).watch, context),
  },
];

/** Without it nobody is told when mail stops, and that is all: mail flows. */
function judgeWatch(
  stack: DeployedStack | undefined,
  { deployment, aws, commands }: DoctorContext,
): CheckResult {
  if (stack === undefined) {
    const told = `there is no stack ${watchStackName(deployment)} in ${aws.region}: mail flows, and nobody sees when it stops`;
    return warn(told, commands.deploy);
  }
  const result = judgeStatus(stack, commands);
  return result.status === 'fail' ? warn(result.detail, result.mend) : result;
}

function judge(
  stack: DeployedStack | undefined,
  nameOf: typeof pipelineStackName,
  { deployment, aws, commands }: DoctorContext,
): CheckResult {
  if (stack !== undefined) return judgeStatus(stack, commands);
  return fail(`there is no stack ${nameOf(deployment)} in ${aws.region}`, commands.deploy);
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
function judgeStatus({ name, status }: DeployedStack, commands: MendCommands): CheckResult {
  const told = `${name}: ${status}`;
  switch (status) {
    case 'CREATE_COMPLETE':
    case 'UPDATE_COMPLETE':
    case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
    case 'IMPORT_COMPLETE':
      return ok(told);
    case 'UPDATE_ROLLBACK_COMPLETE':
      return warn(`${told}: the last deployment failed, the one before it stands`, commands.deploy);
    case 'UPDATE_ROLLBACK_FAILED':
      return fail(told, commands.aws(`cloudformation continue-update-rollback --stack-name ${name}`));
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED': {
      const remove = commands.aws(`cloudformation delete-stack --stack-name ${name}`);
      return fail(`${told}: such a stack cannot be deployed to`, `${remove} && ${commands.deploy}`);
    }
    default:
      return status.endsWith('_IN_PROGRESS')
        ? warn(
            told,
            `wait until it is done: ${commands.aws(`cloudformation describe-stacks --stack-name ${name}`)}`,
          )
        : fail(told, commands.deploy);
  }
}

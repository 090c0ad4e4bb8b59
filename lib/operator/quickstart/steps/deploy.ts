import {
  type DeployedStack,
  describeDeployment,
  identityStackName,
  pipelineStackName,
  watchStackName,
} from '../../deployment.ts';
import {
  done,
  type OpenStep,
  open,
  type QuickstartContext,
  type QuickstartStep,
  type StepStanding,
  stopped,
} from '../quickstart-step.ts';
import { askAndRunCdk, cdkCommand } from '../run-cdk.ts';
import { stackCondition } from '../stack-condition.ts';

export const DEPLOY: QuickstartStep = {
  name: 'deploy',
  explain: () =>
    'Three stacks: the SES identity of the domain, the pipeline of the stage with its queues, Lambdas, tables and the key of the API, and the dashboards and alarms that watch it.',
  isDone: async (context) => {
    const { aws, deployment, signal } = context;
    const stacks = await describeDeployment(await aws.cloudFormation(), deployment, signal);
    return standingOf(context, [
      [identityStackName(deployment), stacks.identity],
      [pipelineStackName(deployment), stacks.pipeline],
      [watchStackName(deployment), stacks.watch],
    ]);
  },
  run: async (context, before) =>
    canDeploy(before) ? askAndRunCdk(context, deployArguments(context), before) : stopped(before),
};

type NamedStack = readonly [name: string, stack: DeployedStack | undefined];

function standingOf(context: QuickstartContext, stacks: readonly NamedStack[]): StepStanding {
  const states = stacks.map(([name, stack]) => ({
    name,
    status: stack?.status ?? 'not there',
    condition: stack === undefined ? 'missing' : stackCondition(stack.status),
  }));
  const amiss = states.filter(({ condition }) => condition !== 'fine');
  if (amiss.length === 0) return done(states.map(({ name }) => name).join(', '));
  const detail = amiss.map(({ name, status }) => `${name} is ${status}`).join(', ');
  if (amiss.some(({ condition }) => condition === 'busy')) return open(detail, WAIT);
  const stuck = amiss.filter(({ condition }) => condition === 'stuck');
  const deletions = stuck.map(({ name }) =>
    context.commands.aws(`cloudformation delete-stack --stack-name ${name}`),
  );
  return open(detail, ...deletions, cdkCommand(context, deployArguments(context)).join(' '));
}

const WAIT = 'wait until CloudFormation is done with it';

/** Who waits for CloudFormation, or has a stack to delete first, has more to do than to deploy. */
const canDeploy = ({ todo }: OpenStep) => todo.length === 1 && todo[0] !== WAIT;

/** All that this command looks at is said, whatever cdk.json has. */
function deployArguments({ deployment, aws, options }: QuickstartContext): readonly string[] {
  const { project, stage } = deployment;
  const settings = Object.entries({ project, stage, region: aws.region });
  return [
    'deploy',
    '--all',
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ...(options.yes ? ['--require-approval', 'never'] : []),
  ];
}

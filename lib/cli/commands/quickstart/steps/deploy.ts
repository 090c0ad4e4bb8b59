import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, dirname } from 'node:path';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { identityStackName, monitoringStackName, pipelineStackName } from '../../../../common/names.ts';
import { type DeployedStack, describeDeployment, describeStack } from '../../../deployment.ts';
import { OperatorError } from '../../../errors.ts';
import { deletionCommands, findInTheWay } from '../../../lookups/first-deploy.ts';
import { DEFAULT_PROJECT, PROJECT_FILE } from '../../../project-file.ts';
import {
  done,
  type OpenStep,
  open,
  type QuickstartContext,
  type QuickstartStep,
  type StepOutcome,
  type StepStanding,
  stopped,
} from '../step.ts';

/** https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html */
const TOOLKIT = 'CDKToolkit';

export const BOOTSTRAP: QuickstartStep = {
  name: 'bootstrap',
  explain: () =>
    'The CDK needs a bucket and a few roles in the account and Region that it deploys to, once; they cost next to nothing.',
  isDone: async (context) => {
    const { aws, signal } = context;
    const stack = await describeStack(await aws.cloudFormation(), TOOLKIT, signal);
    if (stack !== undefined && stackCondition(stack.status) === 'fine') return done(`${TOOLKIT} is there`);
    const detail = stack === undefined ? `there is no stack ${TOOLKIT}` : `${TOOLKIT} is ${stack.status}`;
    return open(detail, cdkCommand(context, await bootstrapArguments(context)).join(' '));
  },
  run: async (context, before) => askAndRunCdk(context, await bootstrapArguments(context), before),
};

/** The account is named, so that the question names it, too. */
async function bootstrapArguments({ aws, signal }: QuickstartContext): Promise<readonly string[]> {
  const sts = await aws.sts();
  const { Account } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  return ['bootstrap', `aws://${Account}/${aws.region}`];
}

export const DEPLOY: QuickstartStep = {
  name: 'deploy',
  explain: () =>
    'Three stacks: the SES identity of the domain, the pipeline of the stage with its queues, Lambdas, tables and the key of the API, and the dashboards and alarms that watch it.',
  isDone: async (context) => {
    const { aws, deployment, projectFile, signal } = context;
    const stacks = await describeDeployment(await aws.cloudFormation(), deployment, signal);
    const { resolver, cdk } = context.options;
    const project = projectFile?.settings ?? DEFAULT_PROJECT;
    const inTheWay = await findInTheWay({ aws, deployment, project, signal, resolver, cdk }, stacks);
    if (inTheWay.length > 0) {
      return open('the account has already what would be created', ...inTheWay);
    }
    return stepState(context, [
      [identityStackName(deployment), stacks.identity],
      [pipelineStackName(deployment), stacks.pipeline],
      [monitoringStackName(deployment), stacks.monitoring],
    ]);
  },
  run: async (context, before) => {
    if (!canDeploy(before, context)) return stopped(before);
    await showDifference(context);
    return askAndRunCdk(context, deployArguments(context), before);
  },
};

type NamedStack = readonly [name: string, stack: DeployedStack | undefined];

function stepState(context: QuickstartContext, stacks: readonly NamedStack[]): StepStanding {
  const states = stacks.map(([name, stack]) => ({
    name,
    status: stack?.status ?? 'not there',
    isProtected: stack?.isProtected ?? false,
    condition: stack === undefined ? 'missing' : stackCondition(stack.status),
  }));
  const amiss = states.filter(({ condition }) => condition !== 'fine');
  if (amiss.length === 0) return done(states.map(({ name }) => name).join(', '));
  const detail = amiss.map(({ name, status }) => `${name} is ${status}`).join(', ');
  if (amiss.some(({ condition }) => condition === 'busy')) return open(detail, WAIT);
  const stuck = amiss.filter(({ condition }) => condition === 'stuck');
  const deletions = stuck.flatMap(({ name, isProtected }) =>
    deletionCommands({ name, isProtected }, context.commands),
  );
  return open(detail, ...deletions, cdkCommand(context, deployArguments(context)).join(' '));
}

const WAIT = 'wait until CloudFormation is done with it';

/** Not if CloudFormation is at work, a stack has to be deleted first, or something is in the way. */
function canDeploy({ todo }: OpenStep, context: QuickstartContext): boolean {
  return todo.length === 1 && todo[0] === cdkCommand(context, deployArguments(context)).join(' ');
}

/** Before the question: what the deploy would create, change and take away. If no terminal can answer, nothing is run. */
async function showDifference(context: QuickstartContext): Promise<void> {
  if (!context.options.yes && context.streams.input.isTTY !== true) return;
  await runCdk(context, ['diff', '--all', ...chosenSettings(context)]);
}

/** The CDK reads cdk.json itself: passed on is only what it would not find there. */
function chosenSettings({ chosen }: QuickstartContext): readonly string[] {
  return Object.entries({ project: chosen.project, stage: chosen.stage, region: chosen.region }).flatMap(
    ([name, { value, isByHand }]) => (isByHand ? ['-c', `${name}=${value}`] : []),
  );
}

function deployArguments(context: QuickstartContext): readonly string[] {
  return [
    'deploy',
    '--all',
    ...chosenSettings(context),
    ...(context.options.yes ? ['--require-approval', 'never'] : []),
  ];
}

/** The command as a person would type it. */
function cdkCommand({ options }: QuickstartContext, args: readonly string[]): readonly string[] {
  const profile = options.profile === undefined ? [] : ['--profile', options.profile];
  return [...options.cdk.trim().split(/\s+/), ...args, ...profile];
}

/** Asks, runs the CDK, and passes its output through. Ctrl-C ends it; CloudFormation goes on with what it has begun. */
async function askAndRunCdk(
  context: QuickstartContext,
  args: readonly string[],
  before: OpenStep,
): Promise<StepOutcome> {
  const line = cdkCommand(context, args).join(' ');
  if (!(await context.terminal.confirm(`Run "${line}"?`))) return stopped(before);
  await runCdk(context, args);
  return done(`"${line}" has succeeded`);
}

/** @throws {@link OperatorError} if it fails */
async function runCdk(context: QuickstartContext, args: readonly string[]): Promise<void> {
  const folder = projectFolder(context);
  const command = cdkCommand(context, args);
  const line = command.join(' ');
  context.terminal.note(`$ ${line}`);
  const end = await run(command, folder, context);
  context.signal.throwIfAborted();
  if (end === 0) return;
  const how = typeof end === 'number' ? `ended with ${end}` : `could not be run: ${end}`;
  const again = context.commands.mailctl('quickstart');
  const fix = `see its words above; run this where cdk.json is, after npm ci, and then ${again} again`;
  throw new OperatorError('CDK_FAILED', `"${line}" ${how}`, fix);
}

/**
 * The CDK reads its settings from the cdk.json of the folder that it runs in.
 *
 * @throws {@link OperatorError} if the settings are in another file
 */
function projectFolder({ projectFile }: QuickstartContext): string | undefined {
  if (projectFile === undefined) return undefined;
  if (basename(projectFile.path) === PROJECT_FILE) return dirname(projectFile.path);
  throw new OperatorError(
    'NOT_CDK_JSON',
    `the CDK does not read ${projectFile.name}`,
    `name a file that is called ${PROJECT_FILE}`,
  );
}

/** @returns its exit code, or why it has none */
async function run(
  [program = '', ...args]: readonly string[],
  cwd: string | undefined,
  { env, signal, streams }: QuickstartContext,
) {
  const { errors } = streams;
  // Its output is no result of this command. A descriptor lets the CDK see a terminal, if there is one.
  const aside = 'fd' in errors && typeof errors.fd === 'number' ? errors.fd : 'pipe';
  const child = spawn(program, args, { cwd, env, stdio: ['inherit', aside, aside] });
  child.stdout?.pipe(errors, { end: false });
  child.stderr?.pipe(errors, { end: false });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const [code, killedBy] = await once(child, 'close');
    return typeof code === 'number' ? code : String(killedBy);
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error
      ? String(error.code)
      : String(error);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** `fine`: it can be worked with, and deployed to. `busy`: wait. `stuck`: no deployment can fix it. */
type StackCondition = 'fine' | 'busy' | 'broken' | 'stuck';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
function stackCondition(status: string): StackCondition {
  switch (status) {
    case 'CREATE_COMPLETE':
    case 'UPDATE_COMPLETE':
    case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
    case 'UPDATE_ROLLBACK_COMPLETE':
    case 'IMPORT_COMPLETE':
      return 'fine';
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED':
      return 'stuck';
    default:
      return status.endsWith('_IN_PROGRESS') ? 'busy' : 'broken';
  }
}

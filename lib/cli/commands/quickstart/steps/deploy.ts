import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { GetUserCommand } from '@aws-sdk/client-iam';
import { GetEmailIdentityCommand } from '@aws-sdk/client-sesv2';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import * as v from 'valibot';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { LiveDns } from '../../../../adapters/dns/live-dns.ts';
import {
  identityStackName,
  monitoringStackName,
  pipelineStackName,
  resourceNames,
} from '../../../../common/names.ts';
import {
  type DeployedStack,
  type DeployedStacks,
  describeDeployment,
  describeStack,
} from '../../../deployment.ts';
import { OperatorError } from '../../../errors.ts';
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
    const { aws, deployment, signal } = context;
    const stacks = await describeDeployment(await aws.cloudFormation(), deployment, signal);
    const inTheWay = await findInTheWay(context, stacks);
    if (inTheWay.length > 0) {
      return open('the account has already what would be created', ...inTheWay);
    }
    return standingOf(context, [
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

function standingOf(context: QuickstartContext, stacks: readonly NamedStack[]): StepStanding {
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
  const deletions = stuck.flatMap(({ name, isProtected }) => deletionOf(name, isProtected, context));
  return open(detail, ...deletions, cdkCommand(context, deployArguments(context)).join(' '));
}

/**
 * What removes a stack whose create failed. The CDK protects it from deletion before it creates anything, and what the
 * stack retains is kept only once a create has succeeded: nothing is left that would block the next one.
 */
function deletionOf(name: string, isProtected: boolean, { commands }: QuickstartContext): string[] {
  const stack = `--stack-name ${name}`;
  return [
    ...(isProtected
      ? [
          commands.aws(
            `cloudformation update-termination-protection --no-enable-termination-protection ${stack}`,
          ),
        ]
      : []),
    commands.aws(`cloudformation delete-stack ${stack}`),
    commands.aws(`cloudformation wait stack-delete-complete ${stack}`),
  ];
}

/** What exists although its stack does not, so that CloudFormation would refuse to create it; each with the way out. */
async function findInTheWay(context: QuickstartContext, stacks: DeployedStacks): Promise<string[]> {
  const { deployment, options } = context;
  const project = await readProject();
  const { domain, existingIdentity, userName } = project;
  const { user } = resourceNames({ ...deployment, userName });
  const [hasIdentity, hasUser, records] = await Promise.all([
    stacks.identity === undefined && !existingIdentity && hasSesIdentity(domain, context),
    stacks.pipeline === undefined && hasIamUser(user, context),
    stacks.identity === undefined && !existingIdentity ? findRecords(project, context) : [],
  ]);
  return [
    ...(hasIdentity
      ? [
          `SES has ${domain} already: set "existingIdentity": true in cdk.json to use it as it is, or take it over: ` +
            `${options.cdk} import ${identityStackName(deployment)}`,
        ]
      : []),
    ...(hasUser
      ? [
          `IAM has a user ${user} already: set another "userName" in cdk.json, or delete that user if nothing uses it`,
        ]
      : []),
    ...records,
  ];
}

/** How long to ask for a record. If the DNS does not answer, Route 53 itself says what exists. */
const DNS_TRY_MS = 2_000;

/** The records that the deploy would write to the zone of Route 53, as far as they exist. */
async function findRecords(
  { domain, hostedZoneId, mailFromSubdomain, publishDmarc }: ProjectSettings,
  { options, signal }: QuickstartContext,
): Promise<string[]> {
  if (hostedZoneId === undefined) return [];
  const { resolver } = new LiveDns({
    ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
    timeoutMs: DNS_TRY_MS,
    signal,
  });
  const exists = async (type: 'MX' | 'TXT', name: string) =>
    (await resolver.ask(type, name)).kind === 'records';
  const [mailFrom, dmarc] = [`${mailFromSubdomain}.${domain}`, `_dmarc.${domain}`];
  const [hasMailFrom, hasDmarc] = await Promise.all([
    exists('MX', mailFrom),
    publishDmarc && exists('TXT', dmarc),
  ]);
  return [
    ...(hasMailFrom
      ? [`${mailFrom} has an MX record already: delete it, or set another "mailFromSubdomain" in cdk.json`]
      : []),
    ...(hasDmarc
      ? [`${dmarc} has a TXT record already: set "publishDmarc": false in cdk.json to keep it`]
      : []),
  ];
}

async function hasSesIdentity(domain: string, { aws, signal }: QuickstartContext): Promise<boolean> {
  const ses = await aws.ses();
  return exists(
    ses.send(new GetEmailIdentityCommand({ EmailIdentity: domain }), { abortSignal: signal }),
    'NotFoundException',
  );
}

async function hasIamUser(UserName: string, { aws, signal }: QuickstartContext): Promise<boolean> {
  const iam = await aws.iam();
  return exists(
    iam.send(new GetUserCommand({ UserName }), { abortSignal: signal }),
    'NoSuchEntity',
    'NoSuchEntityException',
  );
}

async function exists(call: Promise<unknown>, ...absentCodes: readonly string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (absentCodes.includes(awsErrorCode(error))) return false;
    throw error;
  }
}

type ProjectSettings = v.InferOutput<typeof projectSchema>['context']['mail'];

/** cdk.json may have texts in place of values, as `-c` gives them. */
const trueOrFalse = v.pipe(
  v.union([v.boolean(), v.string()]),
  v.transform((value) => String(value) === 'true'),
);

const projectSchema = v.object({
  context: v.object({
    mail: v.object({
      domain: v.optional(v.string(), 'keybuzz.io'),
      existingIdentity: v.optional(trueOrFalse, false),
      userName: v.optional(v.string(), 'keybuzz-ses'),
      hostedZoneId: v.optional(v.string()),
      mailFromSubdomain: v.optional(v.string(), 'bounce'),
      publishDmarc: v.optional(trueOrFalse, true),
    }),
  }),
});

/** The settings that name what is unique in an account; their defaults if no cdk.json is here. */
async function readProject(): Promise<ProjectSettings> {
  const file = await readFile('cdk.json', 'utf8').catch(() => '{"context":{"mail":{}}}');
  return v.parse(v.pipe(v.string(), v.parseJson(), projectSchema), file).context.mail;
}

const WAIT = 'wait until CloudFormation is done with it';

/** Not if CloudFormation is at work, a stack has to be deleted first, or something is in the way. */
function canDeploy({ todo }: OpenStep, context: QuickstartContext): boolean {
  return todo.length === 1 && todo[0] === cdkCommand(context, deployArguments(context)).join(' ');
}

/** Before the question: what the deploy would create, change and take away. If nobody can answer, nothing is run. */
async function showDifference(context: QuickstartContext): Promise<void> {
  if (!context.options.yes && context.streams.input.isTTY !== true) return;
  await runCdk(context, ['diff', '--all', ...chosenSettings(context)]);
}

/** All that this command looks at is said, whatever cdk.json has. */
function chosenSettings({ deployment, aws }: QuickstartContext): readonly string[] {
  const { project, stage } = deployment;
  return Object.entries({ project, stage, region: aws.region }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
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
  const command = cdkCommand(context, args);
  const line = command.join(' ');
  context.terminal.note(`$ ${line}`);
  const end = await run(command, context);
  context.signal.throwIfAborted();
  if (end === 0) return;
  const how = typeof end === 'number' ? `ended with ${end}` : `could not be run: ${end}`;
  const fix =
    'see its words above; run this where cdk.json is, after npm ci, and then mailctl quickstart again';
  throw new OperatorError('CDK_FAILED', `"${line}" ${how}`, fix);
}

/** @returns its exit code, or why it has none */
async function run([program = '', ...args]: readonly string[], { env, signal, streams }: QuickstartContext) {
  const { errors } = streams;
  // Its output is no result of this command. A descriptor lets the CDK see a terminal, if there is one.
  const aside = 'fd' in errors && typeof errors.fd === 'number' ? errors.fd : 'pipe';
  const child = spawn(program, args, { env, stdio: ['inherit', aside, aside] });
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

import { LOGICAL_IDS } from '../../../lib/common/names.ts';
import { workerMetricNamespace } from '../../../lib/domain/metrics.ts';
import type { Principal } from './evaluate-policies.ts';
import { OVER_TLS, PAYLOAD_KEY, type Permission, permissionsNeededBy } from './needed-permissions.ts';
import type { RecordedCalls, RecordedRun } from './recorded-run.ts';
import { ACCOUNT, arnOf, REGION, type Resources, resolved } from './resolved-template.ts';

export type Who = 'resend' | 'feedback' | 'account-metrics' | 'api';

/** A principal of the deployed pipeline, and everything that it needs. */
export interface PipelinePrincipal {
  readonly who: Who;
  readonly principal: Principal;
  /** What its recorded calls need. */
  readonly recorded: readonly Permission[];
  /** What is needed by AWS on its behalf, so that no code of ours makes the call. */
  readonly onItsBehalf: readonly Permission[];
}

const IDENTITIES = ['keybuzz.io'];

/** The principals of a template, each with the calls that were recorded of its code. */
export function pipelinePrincipals(resources: Resources, run: RecordedRun): PipelinePrincipal[] {
  return [
    functionPrincipal('resend', ['FALLBACK_QUEUE_URL', 'URGENT_QUEUE_URL', 'HELD_QUEUE_URL'], resources, run),
    functionPrincipal('feedback', ['FEEDBACK_QUEUE_URL'], resources, run),
    functionPrincipal('account-metrics', [], resources, run),
    apiPrincipal(resources, run),
  ];
}

/** @param sourceVariables name the queues that feed it; none where a schedule starts it */
function functionPrincipal(
  who: 'resend' | 'feedback' | 'account-metrics',
  sourceVariables: readonly string[],
  resources: Resources,
  run: RecordedRun,
): PipelinePrincipal {
  const { FunctionName, Role, Environment } = propertiesOf(
    'AWS::Lambda::Function',
    resources,
    ({ FunctionName: name }) => String(name).includes(`-${who}-`),
  );
  const environment: Record<string, string> = Object(Environment).Variables;
  return {
    who,
    principal: { kind: 'identity', arn: String(Role) },
    recorded: permissionsOf(run[who], environment, run),
    onItsBehalf: [
      ...sourceVariables.flatMap((variable) => pollersOwn(String(environment[variable]))),
      ...lambdasOwn(String(FunctionName)),
    ],
  };
}

/** Where the worker is to publish its metrics stands in no secret: whoever deploys it sets that. */
const SET_BY_HAND = { OUTBOUND_CLOUDWATCH_NAMESPACE: workerMetricNamespace('keybuzz') };

/** The worker reads its other settings from the secret, which `mailctl rotate` fills from the outputs of the stack. */
function apiPrincipal(resources: Resources, run: RecordedRun): PipelinePrincipal {
  const userId = Object.keys(resources).find((id) => resources[id]?.Type === 'AWS::IAM::User') ?? '';
  return {
    who: 'api',
    principal: { kind: 'identity', arn: arnOf(userId, resources) ?? '' },
    recorded: permissionsOf(run.api, { ...secretOf(resources), ...SET_BY_HAND }, run),
    onItsBehalf: [],
  };
}

function secretOf(resources: Resources): Record<string, string> {
  const queueUrl = (id: string) => `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${nameOf(id, resources)}`;
  return {
    FALLBACK_QUEUE_URL: queueUrl(LOGICAL_IDS.fallbackQueue),
    FALLBACK_URGENT_QUEUE_URL: queueUrl(LOGICAL_IDS.urgentQueue),
    RECEIPTS_QUEUE_URL: queueUrl(LOGICAL_IDS.receiptsQueue),
    PAYLOAD_BUCKET: (arnOf(LOGICAL_IDS.payloadBucket, resources) ?? '').replace('arn:aws:s3:::', ''),
  };
}

function nameOf(id: string, resources: Resources): string {
  return String(Object(resources[id]?.Properties).QueueName);
}

const on = (resource: string, ...actions: string[]): Permission[] =>
  actions.map((action) => ({ action, resource, context: OVER_TLS }));

/**
 * What Lambda does in the name of the role to feed the function: it polls the queue, and deletes what was worked.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
 */
function pollersOwn(queueUrl: string): Permission[] {
  const name = new URL(queueUrl).pathname.split('/').at(-1);
  return on(
    `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`,
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
  );
}

/**
 * What it does for every function: it writes what that prints.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html#monitoring-cloudwatchlogs-prereqs
 */
function lambdasOwn(functionName: string): Permission[] {
  const stream = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/aws/lambda/${functionName}:log-stream:any`;
  return on(stream, 'logs:CreateLogStream', 'logs:PutLogEvents');
}

function permissionsOf(
  { environment, calls }: RecordedCalls,
  deployed: Readonly<Record<string, string>>,
  { storedKeys }: RecordedRun,
): Permission[] {
  const surroundings = {
    deployed: (given: string) => counterpart(given, environment, deployed),
    isStored: (key: string) => storedKeys.has(key),
    identities: IDENTITIES,
  };
  return calls.flatMap((call) => permissionsNeededBy(call, surroundings));
}

/** The value that the deployed code finds in the variable in which the code here found this one. */
function counterpart(
  given: string,
  environment: Readonly<Record<string, string>>,
  deployed: Readonly<Record<string, string>>,
): string {
  const name = Object.keys(environment).find((variable) => environment[variable] === given);
  const value = deployed[name ?? ''];
  if (value === undefined)
    throw new Error(`the code calls for ${given}, which the stack does not tell it of`);
  return value;
}

function propertiesOf(
  type: string,
  resources: Resources,
  isMeant: (properties: Readonly<Record<string, unknown>>) => boolean = () => true,
): Readonly<Record<string, unknown>> {
  const found = Object.values(resources).filter(
    ({ Type, Properties = {} }) => Type === type && isMeant(Properties),
  );
  const [{ Properties } = {}] = found;
  if (Properties === undefined || found.length !== 1) throw new Error(`${found.length} resources of ${type}`);
  const { Role, Environment, SecretString, FunctionName } = Properties;
  return Object(resolved({ Role, Environment, SecretString, FunctionName }, resources));
}

/** Every resource that a policy could name, one more that begins like it, and the same in another account. */
export function resourcesToTry(resources: Resources): string[] {
  const own = Object.keys(resources).flatMap((id) => arnOf(id, resources) ?? []);
  const identities = [...IDENTITIES, 'example.org'].map(
    (domain) => `arn:aws:ses:${REGION}:${ACCOUNT}:identity/${domain}`,
  );
  const all = [...own, ...own.map((arn) => `${arn}-2`), ...identities].flatMap((arn) => [
    arn,
    ...within(arn),
  ]);
  return [
    ...all,
    ...all.filter((arn) => arn.includes(ACCOUNT)).map((arn) => arn.replace(ACCOUNT, '999999999999')),
  ];
}

function within(arn: string): string[] {
  if (arn.startsWith('arn:aws:s3:')) return [`${arn}/${PAYLOAD_KEY}`, `${arn}/elsewhere/any`];
  if (arn.startsWith('arn:aws:logs:')) return [`${arn}:log-stream:any`];
  return [];
}

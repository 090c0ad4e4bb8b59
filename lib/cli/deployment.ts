import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { awsErrorCode } from '../adapters/aws-client.ts';
import {
  type DeploymentName,
  identityStackName,
  LOGICAL_IDS,
  monitoringStackName,
  pipelineStackName,
} from '../common/names.ts';
import { OperatorError } from './errors.ts';

/** A stack as CloudFormation describes it. */
export interface DeployedStack {
  readonly name: string;
  readonly status: string;
  /** Whether CloudFormation refuses to delete it. */
  readonly isProtected: boolean;
  readonly outputs: Readonly<Record<string, string>>;
}

/** The stacks of a deployment; undefined if not deployed. */
export interface DeployedStacks {
  readonly identity: DeployedStack | undefined;
  readonly pipeline: DeployedStack | undefined;
  /** The dashboards and alarms. Mail flows without them. */
  readonly monitoring: DeployedStack | undefined;
}

/** The outputs of the pipeline stack that commands use; an older stack may lack some. */
const pipelineSchema = v.object({
  FallbackQueueUrl: v.string(),
  UrgentQueueUrl: v.string(),
  HeldQueueUrl: v.string(),
  DeadLetterQueueUrl: v.string(),
  ReceiptsQueueUrl: v.string(),
  PayloadBucketName: v.string(),
  MailDomain: v.string(),
  SecretArn: v.string(),
  ConfigurationSetName: v.string(),
  LedgerTableName: v.string(),
  SuppressionTableName: v.string(),
});

export type PipelineOutputs = v.InferOutput<typeof pipelineSchema>;

/** @throws SDK errors, except for a missing stack */
export async function describeDeployment(
  cloudFormation: CloudFormationClient,
  name: DeploymentName,
  signal?: AbortSignal,
): Promise<DeployedStacks> {
  const [identity, pipeline, monitoring] = await Promise.all(
    [identityStackName(name), pipelineStackName(name), monitoringStackName(name)].map((stack) =>
      describeStack(cloudFormation, stack, signal),
    ),
  );
  return { identity, pipeline, monitoring };
}

/** @throws {@link OperatorError} if the pipeline is not deployed, or was deployed by an older version */
export async function pipelineOutputs(
  cloudFormation: CloudFormationClient,
  name: DeploymentName,
  signal?: AbortSignal,
): Promise<PipelineOutputs> {
  const stack = await describeStack(cloudFormation, pipelineStackName(name), signal);
  if (stack === undefined) throw await notDeployed(cloudFormation, name, pipelineStackName(name));
  const parsed = v.safeParse(pipelineSchema, stack.outputs);
  if (parsed.success) return parsed.output;
  const missing = parsed.issues.map((issue) => v.getDotPath(issue)).join(', ');
  throw new OperatorError('OLD_STACK', `the stack ${stack.name} has no output ${missing}`, deployOf(name));
}

/** The usual cause is a wrong Region, project or profile: deploying there would create a second pipeline. */
export async function notDeployed(
  cloudFormation: CloudFormationClient,
  name: DeploymentName,
  stack: string,
): Promise<OperatorError> {
  const region = await cloudFormation.config.region();
  return new OperatorError(
    'NOT_DEPLOYED',
    `there is no stack ${stack} in ${region} (project ${name.project})`,
    `check --region, --project and --profile first; where it was never deployed: ${deployOf(name)}`,
  );
}

const deployOf = ({ stage }: DeploymentName) => `npm run deploy -- -c stage=${stage}`;

/** @returns undefined if the stack does not exist. @throws SDK errors */
export async function describeStack(
  cloudFormation: CloudFormationClient,
  name: string,
  signal: AbortSignal | undefined,
): Promise<DeployedStack | undefined> {
  const options = signal === undefined ? {} : { abortSignal: signal };
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }), options);
    const stack = Stacks?.[0];
    if (stack === undefined) return undefined;
    const outputs = (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
      OutputKey,
      OutputValue,
    ]);
    return {
      name,
      status: stack.StackStatus ?? 'unknown',
      isProtected: stack.EnableTerminationProtection === true,
      outputs: Object.fromEntries(outputs),
    };
  } catch (error) {
    if (isNoSuchStack(error)) return undefined;
    throw error;
  }
}

/** CloudFormation has no specific error for this: a ValidationError, "Stack with id … does not exist". */
function isNoSuchStack(error: unknown): boolean {
  if (awsErrorCode(error) !== 'ValidationError') return false;
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message).includes('does not exist')
    : false;
}

export interface StackResource {
  readonly logicalId: string;
  readonly physicalId: string;
}

export type ResourceName = keyof typeof LOGICAL_IDS;

/** @returns undefined if the stack does not exist. @throws other SDK errors */
export async function listStackResources(
  client: CloudFormationClient,
  stackName: string,
  signal: AbortSignal,
): Promise<StackResource[] | undefined> {
  const resources: StackResource[] = [];
  const pages = paginateListStackResources({ client }, { StackName: stackName }, { abortSignal: signal });
  try {
    for await (const { StackResourceSummaries = [] } of pages) {
      for (const { LogicalResourceId, PhysicalResourceId } of StackResourceSummaries) {
        resources.push({
          logicalId: LogicalResourceId ?? '',
          physicalId: PhysicalResourceId ?? '',
        });
      }
    }
    return resources;
  } catch (error) {
    // CloudFormation has no specific error for this: "Stack with id … does not exist".
    if (awsErrorCode(error) === 'ValidationError') return undefined;
    throw error;
  }
}

/** The name, URL or ARN of a resource; undefined if the stack has none. */
export function findResource(resources: readonly StackResource[], name: ResourceName): string | undefined {
  const found = resources.find(({ logicalId }) => logicalId === LOGICAL_IDS[name]);
  return found === undefined || found.physicalId === '' ? undefined : found.physicalId;
}

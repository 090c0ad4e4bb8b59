import { type CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { awsErrorCode } from '../../adapters/aws-error.ts';

export interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
}

/** By type, and by what the CDK makes of the path of its construct; eight digits of a hash follow. */
const RESOURCES = {
  fallbackQueue: ['AWS::SQS::Queue', 'FallbackQueue'],
  fallbackDeadLetters: ['AWS::SQS::Queue', 'FallbackQueueDeadLetterQueue'],
  feedbackQueue: ['AWS::SQS::Queue', 'FeedbackQueue'],
  feedbackDeadLetters: ['AWS::SQS::Queue', 'FeedbackQueueDeadLetterQueue'],
  receiptsQueue: ['AWS::SQS::Queue', 'ReceiptsQueue'],
  receiptsDeadLetters: ['AWS::SQS::Queue', 'ReceiptsQueueDeadLetterQueue'],
  resendFunction: ['AWS::Lambda::Function', 'ResendFunction'],
  feedbackFunction: ['AWS::Lambda::Function', 'FeedbackFunction'],
  configurationSet: ['AWS::SES::ConfigurationSet', 'SendingConfigurationConfigurationSet'],
  apiUser: ['AWS::IAM::User', 'ApiUser'],
  secret: ['AWS::SecretsManager::Secret', 'ApiUserSecret'],
} as const;

export type ResourceName = keyof typeof RESOURCES;

/** Undefined where there is no such stack. @throws what else the SDK throws */
export async function listStackResources(
  client: CloudFormationClient,
  stackName: string,
  signal: AbortSignal,
): Promise<StackResource[] | undefined> {
  const resources: StackResource[] = [];
  const pages = paginateListStackResources({ client }, { StackName: stackName }, { abortSignal: signal });
  try {
    for await (const { StackResourceSummaries = [] } of pages) {
      for (const { LogicalResourceId, ResourceType, PhysicalResourceId } of StackResourceSummaries) {
        resources.push({
          logicalId: LogicalResourceId ?? '',
          type: ResourceType ?? '',
          physicalId: PhysicalResourceId ?? '',
        });
      }
    }
    return resources;
  } catch (error) {
    // CloudFormation has no error of its own for it: "Stack with id … does not exist".
    if (awsErrorCode(error) === 'ValidationError') return undefined;
    throw error;
  }
}

/** The name, URL or ARN of a resource; undefined where the stack has none. */
export function findResource(resources: readonly StackResource[], name: ResourceName): string | undefined {
  const [type, path] = RESOURCES[name];
  const id = new RegExp(`^${path}[0-9A-F]{8}$`);
  const found = resources.find((resource) => resource.type === type && id.test(resource.logicalId));
  return found === undefined || found.physicalId === '' ? undefined : found.physicalId;
}

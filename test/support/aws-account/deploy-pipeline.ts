import { FEEDBACK_BATCH_SIZE, FEEDBACK_TIMEOUT_SECONDS } from '../../../lambda/feedback/constants.ts';
import { RESEND_BATCH_SIZE, RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import { LOGICAL_IDS } from '../../../lib/common/names.ts';
import type { AwsAccount, StackResource } from './aws-account.ts';
import { awsResources, type DeployedResources } from './deployed-resources.ts';
import { type Deployment, type DeploymentOptions, readDeployment } from './deployment.ts';

const RESEND_MAPPING = '00000000-0000-4000-8000-0000000e5e4d';
const URGENT_MAPPING = '00000000-0000-4000-8000-00000004e4e7';
const HELD_MAPPING = '00000000-0000-4000-8000-000000004e1d';
const FEEDBACK_MAPPING = '00000000-0000-4000-8000-00000feedbac';

/** The stack's default. */
const MAXIMUM_CONCURRENCY = 2;

/** Leaves what deploying the stack of a stage's pipeline leaves, and then `mailctl rotate`: a user with a first key. */
export function deployPipeline(account: AwsAccount, options: DeploymentOptions = {}): void {
  const deployment = readDeployment(options);
  const { pipelineStack, stage, domain, at, names, ses } = deployment;
  const resources = { ...awsResources(names, pipelineStack, account), ...deployment.resources };
  const arns = arnsOf(deployment, account);
  account.add({
    stacks: [
      {
        name: pipelineStack,
        description: `Resends through SES the mail of ${domain} that SMTP did not accept (${stage})`,
        status: 'CREATE_COMPLETE',
        createdAt: at,
        outputs: outputsOf(resources, arns, domain),
        resources: stackResources(deployment, resources, arns),
      },
    ],
    ...functionsOf(deployment, resources),
    ...userOf(deployment, resources, arns, account.region),
    topics: [
      {
        arn: arns.topic,
        subscriptions: [{ protocol: 'sqs', endpoint: resources.feedback.arn, confirmed: true }],
      },
    ],
  });
  ses?.configurationSets.set(resources.configurationSet, {
    ...ses.configurationSets.get(resources.configurationSet),
    sendingEnabled: true,
    tlsPolicy: 'REQUIRE',
    reputationMetrics: true,
  });
}

interface Arns {
  readonly topic: string;
  readonly secret: string;
}

function arnsOf({ names }: Deployment, { id, region }: AwsAccount): Arns {
  return {
    topic: `arn:aws:sns:${region}:${id}:${names.eventTopic}`,
    secret: `arn:aws:secretsmanager:${region}:${id}:secret:${names.secret}-AbCdEf`,
  };
}

function outputsOf(resources: DeployedResources, arns: Arns, domain: string): Record<string, string> {
  return {
    FallbackQueueUrl: resources.fallback.url,
    UrgentQueueUrl: resources.urgent.url,
    HeldQueueUrl: resources.held.url,
    PayloadBucketName: resources.payloadBucket,
    MailDomain: domain,
    ReceiptsQueueUrl: resources.receipts.url,
    SecretArn: arns.secret,
    DeadLetterQueueUrl: resources.deadLetters.url,
    LedgerTableName: resources.ledgerTable,
    SuppressionTableName: resources.suppressionTable,
    ConfigurationSetName: resources.configurationSet,
  };
}

/** Those that a person may look for; policies, roles, keys and log groups are left out. */
function stackResources({ names }: Deployment, resources: DeployedResources, arns: Arns): StackResource[] {
  const rows: readonly (readonly [logicalId: string, type: string, physicalId: string])[] = [
    [LOGICAL_IDS.fallbackQueue, 'AWS::SQS::Queue', resources.fallback.url],
    [LOGICAL_IDS.urgentQueue, 'AWS::SQS::Queue', resources.urgent.url],
    [LOGICAL_IDS.heldQueue, 'AWS::SQS::Queue', resources.held.url],
    [LOGICAL_IDS.fallbackDeadLetters, 'AWS::SQS::Queue', resources.deadLetters.url],
    [LOGICAL_IDS.feedbackQueue, 'AWS::SQS::Queue', resources.feedback.url],
    [LOGICAL_IDS.feedbackDeadLetters, 'AWS::SQS::Queue', resources.feedbackDeadLetters.url],
    [LOGICAL_IDS.receiptsQueue, 'AWS::SQS::Queue', resources.receipts.url],
    [LOGICAL_IDS.receiptsDeadLetters, 'AWS::SQS::Queue', resources.receiptsDeadLetters.url],
    [LOGICAL_IDS.payloadBucket, 'AWS::S3::Bucket', resources.payloadBucket],
    [LOGICAL_IDS.ledgerTable, 'AWS::DynamoDB::Table', resources.ledgerTable],
    [LOGICAL_IDS.suppressionTable, 'AWS::DynamoDB::Table', resources.suppressionTable],
    [LOGICAL_IDS.configurationSet, 'AWS::SES::ConfigurationSet', resources.configurationSet],
    [LOGICAL_IDS.eventTopic, 'AWS::SNS::Topic', arns.topic],
    [LOGICAL_IDS.resendFunction, 'AWS::Lambda::Function', names.resendFunction],
    ['ResendEventSource10462DD0', 'AWS::Lambda::EventSourceMapping', RESEND_MAPPING],
    ['ResendUrgentEventSource41415A1E', 'AWS::Lambda::EventSourceMapping', URGENT_MAPPING],
    ['ResendHeldEventSourceAB981B2F', 'AWS::Lambda::EventSourceMapping', HELD_MAPPING],
    [LOGICAL_IDS.feedbackFunction, 'AWS::Lambda::Function', names.feedbackFunction],
    ['FeedbackEventSourceD256AFCC', 'AWS::Lambda::EventSourceMapping', FEEDBACK_MAPPING],
    [LOGICAL_IDS.apiUser, 'AWS::IAM::User', names.user],
    [LOGICAL_IDS.secret, 'AWS::SecretsManager::Secret', arns.secret],
  ];
  return rows.map(([logicalId, type, physicalId]) => ({ logicalId, type, physicalId }));
}

function functionsOf({ names, at }: Deployment, resources: DeployedResources) {
  const common = { state: 'Enabled', maximumConcurrency: MAXIMUM_CONCURRENCY, modifiedAt: at } as const;
  return {
    functions: [
      {
        name: names.resendFunction,
        timeoutSeconds: RESEND_TIMEOUT_SECONDS,
        environment: {},
        modifiedAt: at,
      },
      {
        name: names.feedbackFunction,
        timeoutSeconds: FEEDBACK_TIMEOUT_SECONDS,
        environment: {},
        modifiedAt: at,
      },
    ],
    sourceMappings: [
      ...[
        { id: RESEND_MAPPING, sourceArn: resources.fallback.arn },
        { id: URGENT_MAPPING, sourceArn: resources.urgent.arn },
        { id: HELD_MAPPING, sourceArn: resources.held.arn },
      ].map((mapping) => ({
        ...common,
        ...mapping,
        functionName: names.resendFunction,
        batchSize: RESEND_BATCH_SIZE,
      })),
      {
        ...common,
        id: FEEDBACK_MAPPING,
        functionName: names.feedbackFunction,
        sourceArn: resources.feedback.arn,
        batchSize: FEEDBACK_BATCH_SIZE,
      },
    ],
  };
}

/** The API's user with its key, and the secret that passes it to the API. */
function userOf(
  { names, accessKey, at, domain }: Deployment,
  resources: DeployedResources,
  arns: Arns,
  region: string,
) {
  const value = JSON.stringify({
    AWS_SES_ACCESS_KEY: accessKey.id,
    AWS_SES_SECRET_KEY: accessKey.secret,
    AWS_SES_REGION: region,
    FALLBACK_QUEUE_URL: resources.fallback.url,
    FALLBACK_URGENT_QUEUE_URL: resources.urgent.url,
    PAYLOAD_BUCKET: resources.payloadBucket,
    RECEIPTS_QUEUE_URL: resources.receipts.url,
    MAIL_DOMAIN: domain,
  });
  return {
    users: [{ name: names.user, createdAt: at, accessKeys: [{ id: accessKey.id, createdAt: at }] }],
    secrets: [{ name: names.secret, arn: arns.secret, value, createdAt: at }],
  };
}

import type { ResourceNames } from '../../../lib/common/names.ts';
import type { LocalServices } from '../../../lib/emulators/services.ts';
import type { AwsAccount } from './aws-account.ts';

/** The resources in the outputs of a deployed pipeline. */
export interface DeployedResources {
  readonly fallback: DeployedQueue;
  readonly urgent: DeployedQueue;
  readonly held: DeployedQueue;
  readonly deadLetters: DeployedQueue;
  readonly feedback: DeployedQueue;
  readonly feedbackDeadLetters: DeployedQueue;
  readonly receipts: DeployedQueue;
  readonly receiptsDeadLetters: DeployedQueue;
  readonly payloadBucket: string;
  readonly ledgerTable: string;
  readonly suppressionTable: string;
  readonly configurationSet: string;
}

interface DeployedQueue {
  readonly url: string;
  readonly arn: string;
}

/** The resources with names as in AWS. */
export function awsResources(
  names: ResourceNames,
  stack: string,
  { id, region }: AwsAccount,
): DeployedResources {
  const queue = (name: string): DeployedQueue => ({
    url: `https://sqs.${region}.amazonaws.com/${id}/${name}`,
    arn: `arn:aws:sqs:${region}:${id}:${name}`,
  });
  return {
    fallback: queue(names.fallbackQueue),
    urgent: queue(names.urgentQueue),
    held: queue(names.heldQueue),
    deadLetters: queue(names.deadLetterQueue),
    feedback: queue(names.feedbackQueue),
    feedbackDeadLetters: queue(names.feedbackDeadLetterQueue),
    receipts: queue(names.receiptsQueue),
    receiptsDeadLetters: queue(names.receiptsDeadLetterQueue),
    // CloudFormation names it after its stack, its logical id and chance.
    payloadBucket: `${stack}-payloadbucket-0a1b2c3d4e5f`,
    ledgerTable: names.ledgerTable,
    suppressionTable: names.suppressionTable,
    configurationSet: names.configurationSet,
  };
}

/** The resources of the emulators. */
export function resourcesOf(services: LocalServices): Partial<DeployedResources> {
  const { aws, dynamoDb, feedback, feedbackDeadLetters, receipts, configurationSet } = services;
  return {
    fallback: aws.fallback,
    urgent: aws.urgent,
    held: aws.held,
    deadLetters: aws.deadLetters,
    feedback,
    feedbackDeadLetters,
    receipts,
    payloadBucket: aws.bucket,
    ledgerTable: dynamoDb.ledgerTable,
    suppressionTable: dynamoDb.suppressionTable,
    configurationSet,
  };
}

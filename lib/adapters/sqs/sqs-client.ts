import { createHash } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../domain/limits.ts';
import { type AwsConnection, awsClientOptions, withoutNodeWarning } from '../aws-client.ts';

/**
 * The SQS client of the API side. With `useQueueUrlAsEndpoint` the SDK would use the host of the queue URL
 * instead of a configured endpoint.
 */
export function openSqsClient(connection: AwsConnection): SQSClient {
  const options = {
    ...awsClientOptions(connection),
    useQueueUrlAsEndpoint: connection.endpoint === undefined,
  };
  return withoutNodeWarning(() => new SQSClient(options));
}

/** SendMessageBatch accepts ten entries, together no larger than one message may be. */
const MAX_BATCH_ENTRIES = 10;

/** As few SendMessageBatch batches as the order allows. */
export function intoBatches<T extends { readonly bytes: number }>(waiting: readonly T[]): T[][] {
  const batches: T[][] = [];
  let bytes = 0;
  for (const one of waiting) {
    const batch = batches.at(-1);
    const fits =
      batch !== undefined && batch.length < MAX_BATCH_ENTRIES && bytes + one.bytes <= MAX_QUEUE_MESSAGE_BYTES;
    if (fits) batch.push(one);
    else batches.push([one]);
    bytes = fits ? bytes + one.bytes : one.bytes;
  }
  return batches;
}

/**
 * The message group of a tenant, which makes a standard queue fair: a tenant with many mails does not delay the
 * others. SQS takes up to 128 letters, digits and punctuation characters; other names are hashed.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function messageGroup(tenantId: string | undefined): { MessageGroupId?: string } {
  if (tenantId === undefined || tenantId === '') return {};
  const isGroupId = /^[\x21-\x7e]{1,128}$/.test(tenantId);
  return { MessageGroupId: isGroupId ? tenantId : createHash('sha256').update(tenantId).digest('hex') };
}

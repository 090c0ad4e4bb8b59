import { SQSClient } from '@aws-sdk/client-sqs';
import { type AwsConnection, awsClientOptions } from '../aws-connection.ts';

/**
 * SQS as the API side reaches it. Without `useQueueUrlAsEndpoint` the SDK would follow the host in the queue's URL
 * past a set endpoint.
 */
export function openSqsClient(connection: AwsConnection): SQSClient {
  return new SQSClient({
    ...awsClientOptions(connection),
    useQueueUrlAsEndpoint: connection.endpoint === undefined,
  });
}

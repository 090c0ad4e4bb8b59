/** Stands in for `@aws-sdk/client-sqs` in the Lambdas, with the operations that they use. */
import type {
  ChangeMessageVisibilityRequest,
  GetQueueAttributesRequest,
  GetQueueAttributesResult,
  SendMessageBatchRequest,
  SendMessageBatchResult,
  SendMessageRequest,
  SendMessageResult,
} from '@aws-sdk/client-sqs';
import { jsonCommand, readJsonError } from './json-command.ts';
import { type ClientConfig, ServiceClient } from './service-client.ts';

export class SQSClient extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    super({ id: 'SQS', signingName: 'sqs', hostPrefix: 'sqs', readError: readJsonError }, config);
  }
}

const SERVICE = 'AmazonSQS';

export const SendMessageCommand = jsonCommand<SendMessageRequest, SendMessageResult>(
  `${SERVICE}.SendMessage`,
);

export const SendMessageBatchCommand = jsonCommand<SendMessageBatchRequest, SendMessageBatchResult>(
  `${SERVICE}.SendMessageBatch`,
);

export const ChangeMessageVisibilityCommand = jsonCommand<ChangeMessageVisibilityRequest, object>(
  `${SERVICE}.ChangeMessageVisibility`,
);

export const GetQueueAttributesCommand = jsonCommand<GetQueueAttributesRequest, GetQueueAttributesResult>(
  `${SERVICE}.GetQueueAttributes`,
);

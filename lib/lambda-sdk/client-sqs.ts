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
import { JsonCommand, readJsonError } from './json-command.ts';
import { type ClientConfig, ServiceClient } from './service-client.ts';

export class SQSClient extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    super({ id: 'SQS', signingName: 'sqs', hostPrefix: 'sqs', readError: readJsonError }, config);
  }
}

abstract class SqsCommand<Input, Output> extends JsonCommand<Input, Output> {
  protected override readonly target = 'AmazonSQS';
}

export class SendMessageCommand extends SqsCommand<SendMessageRequest, SendMessageResult> {
  protected override readonly operation = 'SendMessage';
}

export class SendMessageBatchCommand extends SqsCommand<SendMessageBatchRequest, SendMessageBatchResult> {
  protected override readonly operation = 'SendMessageBatch';
}

export class ChangeMessageVisibilityCommand extends SqsCommand<ChangeMessageVisibilityRequest, object> {
  protected override readonly operation = 'ChangeMessageVisibility';
}

export class GetQueueAttributesCommand extends SqsCommand<
  GetQueueAttributesRequest,
  GetQueueAttributesResult
> {
  protected override readonly operation = 'GetQueueAttributes';
}

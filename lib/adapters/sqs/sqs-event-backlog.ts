import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { EventBacklog } from '../../ports/ledger.ts';

/**
 * Looks whether events are in the feedback queue, waiting or being worked. SQS counts approximately, and settles
 * within a minute: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
 */
export class SqsEventBacklog implements EventBacklog {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs what one call may take in all, the tries of the SDK included */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
  }

  async anyWaiting(): Promise<boolean> {
    const { Attributes } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
      { abortSignal: AbortSignal.timeout(this.#timeoutMs) },
    );
    return Object.values(Attributes ?? {}).some((count) => Number(count) > 0);
  }
}

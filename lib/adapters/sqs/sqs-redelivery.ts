import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Redelivery } from '../../ports/queues.ts';

/** Postpones a message by its visibility timeout, in the queue that it came from. */
export class SqsRedelivery implements Redelivery {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;

  /**
   * @param queueUrl of a queue of the function; its others differ only by name
   * @param timeoutMs total time for one call, including SDK retries
   */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
  }

  async postpone(
    { receiptHandle, eventSourceARN }: Parameters<Redelivery['postpone']>[0],
    delaySeconds: number,
  ): Promise<void> {
    await this.#sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.#urlOf(eventSourceARN),
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: delaySeconds,
      }),
      { abortSignal: AbortSignal.timeout(this.#timeoutMs) },
    );
  }

  /** A receipt handle means nothing to another queue than its own. */
  #urlOf(queueArn: string): string {
    const name = queueArn.slice(queueArn.lastIndexOf(':') + 1);
    return this.#queueUrl.replace(/[^/]+$/, name);
  }
}

import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';

/** The longest that SQS lets a poll wait. */
const LONG_POLL_SECONDS = 20;

/** The queue that feeds a Lambda, as its poller uses it. Each call ends with the signal. */
export class EventQueue {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(sqs: SQSClient, url: string, signal: AbortSignal) {
    this.#sqs = sqs;
    this.#url = url;
    this.#signal = signal;
  }

  async poll(batchSize: number): Promise<readonly Message[]> {
    const received = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: batchSize,
        WaitTimeSeconds: LONG_POLL_SECONDS,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: this.#signal },
    );
    return received.Messages ?? [];
  }

  async delete(records: readonly SQSRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { Failed = [] } = await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#url,
        Entries: records.map(({ receiptHandle }, index) => ({
          Id: String(index),
          ReceiptHandle: receiptHandle,
        })),
      }),
      { abortSignal: this.#signal },
    );
    if (Failed.length > 0) throw new Error(`${Failed.length} messages were not deleted: ${Failed[0]?.Code}`);
  }

  async visibilitySeconds(): Promise<number> {
    const { VisibilityTimeout } = await this.#attributes();
    return Number(VisibilityTimeout);
  }

  /** Whether it holds no message: none visible, none in flight, none delayed. */
  async isEmpty(): Promise<boolean> {
    const counts = await this.#attributes();
    return [
      counts.ApproximateNumberOfMessages,
      counts.ApproximateNumberOfMessagesNotVisible,
      counts.ApproximateNumberOfMessagesDelayed,
    ].every((count) => count === '0');
  }

  async #attributes(): Promise<Record<string, string>> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url, AttributeNames: ['All'] }),
      { abortSignal: this.#signal },
    );
    return Attributes;
  }
}

import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSMessageAttribute, SQSRecord, SQSRecordAttributes } from 'aws-lambda';

/** The maximum wait time of SQS. */
const LONG_POLL_SECONDS = 20;

/** The maximum of one ReceiveMessage. */
const MAX_BATCH_SIZE = 10;

/** The queue of an event source mapping, as used by its poller. The signal aborts each call. */
export class EventQueue {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(sqs: SQSClient, url: string, signal: AbortSignal) {
    this.#sqs = sqs;
    this.#url = url;
    this.#signal = signal;
  }

  /**
   * Waits for a first message and then, if there is a window, for more until the batch is full or the window
   * ends: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
   */
  async poll(batchSize: number, windowSeconds: number): Promise<readonly Message[]> {
    const messages = await this.#receive(batchSize, LONG_POLL_SECONDS);
    const end = performance.now() + windowSeconds * 1000;
    for (;;) {
      const remainingSeconds = Math.ceil((end - performance.now()) / 1000);
      if (messages.length === 0 || messages.length >= batchSize || remainingSeconds <= 0) return messages;
      // If this poll is aborted, the messages received so far return after the visibility timeout.
      messages.push(...(await this.#receive(batchSize - messages.length, remainingSeconds)));
    }
  }

  async #receive(maxMessages: number, waitSeconds: number): Promise<Message[]> {
    const received = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: Math.min(maxMessages, MAX_BATCH_SIZE),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: this.#signal },
    );
    return received.Messages ?? [];
  }

  async delete(records: readonly SQSRecord[]): Promise<void> {
    for (let start = 0; start < records.length; start += MAX_BATCH_SIZE) {
      await this.#deleteTen(records.slice(start, start + MAX_BATCH_SIZE));
    }
  }

  async #deleteTen(records: readonly SQSRecord[]): Promise<void> {
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

  /** Whether no message is visible, in flight or delayed. */
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

/** Lambda accepts events of up to 6 MB. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;

/** Source of the messages, for their records. */
export type EventSource = { readonly queueArn: string; readonly region: string };

/**
 * Converts messages to the events that Lambda passes to a handler, as JSON; several events if the messages do
 * not fit into one.
 */
export function sqsEvents(messages: readonly Message[], source: EventSource): readonly SQSEvent[] {
  const events: SQSRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const record = sqsRecord(message, source);
    const size = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes + size > MAX_EVENT_BYTES) {
      events.push([]);
      bytes = JSON.stringify({ Records: [] }).length;
    }
    events.at(-1)?.push(record);
    bytes += size;
  }
  return events.map((Records) => ({ Records }));
}

function sqsRecord(message: Message, source: EventSource): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    // Requested with `All`, so all are present; in the SDK's type each is optional.
    attributes: { ...message.Attributes } as SQSRecordAttributes,
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, messageAttribute(value)]),
    ),
    ...(message.MD5OfMessageAttributes ? { md5OfMessageAttributes: message.MD5OfMessageAttributes } : {}),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: source.queueArn,
    awsRegion: source.region,
  };
}

function messageAttribute(value: MessageAttributeValue): SQSMessageAttribute {
  return {
    ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
    ...(value.BinaryValue === undefined
      ? {}
      : { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType ?? 'String',
  };
}

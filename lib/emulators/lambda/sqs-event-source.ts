import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSMessageAttribute, SQSRecord, SQSRecordAttributes } from 'aws-lambda';

/** The longest that SQS lets a poll wait. */
const LONG_POLL_SECONDS = 20;

/** One ReceiveMessage brings at most ten. */
const MAX_BATCH_SIZE = 10;

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

  /**
   * Waits for a first message and then, where there is a window, for more, until the batch is full or the window over:
   * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
   */
  async poll(batchSize: number, windowSeconds: number): Promise<readonly Message[]> {
    const messages = await this.#receive(batchSize, LONG_POLL_SECONDS);
    const end = performance.now() + windowSeconds * 1000;
    for (;;) {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (messages.length === 0 || messages.length >= batchSize || left <= 0) return messages;
      // What it has counts for it already: a poll that is broken off now leaves that to the visibility timeout.
      messages.push(...(await this.#receive(batchSize - messages.length, left)));
    }
  }

  async #receive(most: number, waitSeconds: number): Promise<Message[]> {
    const received = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: Math.min(most, MAX_BATCH_SIZE),
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

/** Lambda takes events of up to 6 MB. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;

/** Where the messages come from, as their records say. */
export type EventSource = { readonly queueArn: string; readonly region: string };

/**
 * The messages as events in the form in which Lambda hands them to a handler, JSON. More than one when they do not
 * fit into one.
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
    // What SQS is asked for with `All`; the type of the SDK has each of them optional.
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

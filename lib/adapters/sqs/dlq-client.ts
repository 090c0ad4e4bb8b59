import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { messageGroup } from './sqs-client.ts';

/** An SQS call sends or receives at most ten messages. */
const MAX_BATCH_SIZE = 10;

/** Concurrent calls that release dead letters: a scan may hold thousands. */
const CONCURRENT_CALLS = 8;

/** A received message: no other consumer gets it until its visibility timeout ends. */
export interface ReceivedDeadLetter {
  readonly queueMessageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** When it was sent. SQS keeps this time when it moves a message to the dead-letter queue. */
  readonly sentAt: Date;
  /** Including this receive. */
  readonly receiveCount: number;
  readonly groupId: string | undefined;
  /** True if SQS moved it here by the queue's redrive policy. */
  readonly movedByQueue: boolean;
  /** Its string attributes. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Approximate counts of SQS. */
export interface QueueCounts {
  readonly waiting: number;
  /** In flight, also after its consumer was killed: visible again when the visibility timeout ends. */
  readonly inFlight: number;
}

interface Receive {
  /** 1 to 10. */
  readonly most: number;
  readonly holdSeconds: number;
}

/**
 * A dead-letter queue that an operator works through. No call accepts a signal: an aborted receive would
 * leave messages in flight without a consumer until the visibility timeout ends, so the caller stops between
 * calls. The client's timeouts limit each call.
 */
export class DlqClient {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;

  constructor(sqs: SQSClient, queueUrl: string) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
  }

  async counts(): Promise<QueueCounts> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return {
      waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    };
  }

  /** An empty result means that the queue is empty now: a long poll queries all SQS servers. */
  async receive({ most, holdSeconds }: Receive): Promise<readonly ReceivedDeadLetter[]> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#queueUrl,
        MaxNumberOfMessages: Math.min(most, MAX_BATCH_SIZE),
        VisibilityTimeout: holdSeconds,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    return Messages.map(toDeadLetter);
  }

  /**
   * Makes messages visible again, at once or later. If the call fails, they become visible when their
   * visibility timeout ends.
   *
   * @returns the number of failures
   */
  async giveBack(receiptHandles: readonly string[], afterSeconds = 0): Promise<number> {
    const failed = await this.#inTens(receiptHandles, async (ten) => {
      const entries = ten.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: afterSeconds,
      }));
      const { Failed = [] } = await this.#sqs.send(
        new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#queueUrl, Entries: entries }),
      );
      return Failed.length;
    });
    return failed.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Deletes at most ten.
   *
   * @returns the handles of the deleted messages
   * @throws if the call has no response
   */
  async delete(receiptHandles: readonly string[]): Promise<ReadonlySet<string>> {
    if (receiptHandles.length === 0) return new Set();
    const { Successful = [] } = await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
    return new Set(Successful.flatMap(({ Id }) => receiptHandles[Number(Id)] ?? []));
  }

  /** A failed call counts as failed for all of its ten, and does not stop the other calls. */
  async #inTens(
    handles: readonly string[],
    call: (ten: readonly string[]) => Promise<number>,
  ): Promise<readonly number[]> {
    const tens: (readonly string[])[] = [];
    for (let start = 0; start < handles.length; start += MAX_BATCH_SIZE) {
      tens.push(handles.slice(start, start + MAX_BATCH_SIZE));
    }
    const failed: number[] = [];
    const callNext = async () => {
      for (let ten = tens.shift(); ten !== undefined; ten = tens.shift()) {
        const { length } = ten;
        failed.push(await call(ten).catch(() => length));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_CALLS }, callNext));
    return failed;
  }
}

function toDeadLetter(message: Message): ReceivedDeadLetter {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {}, MessageAttributes = {} } = message;
  const texts = Object.entries(MessageAttributes).flatMap(([name, { StringValue }]) =>
    StringValue === undefined ? [] : [[name, StringValue] as const],
  );
  return {
    queueMessageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)),
    receiveCount: Number(Attributes.ApproximateReceiveCount ?? 0),
    groupId: Attributes.MessageGroupId,
    movedByQueue: Attributes.DeadLetterQueueSourceArn !== undefined,
    attributes: Object.fromEntries(texts),
  };
}

/** A message to send to a queue again. */
export interface Resubmitted {
  readonly queueMessageId: string;
  readonly body: string;
  /** The tenant, or the message group that it had. */
  readonly groupId: string | undefined;
}

/** Which messages were accepted, and why the others were not; by the message id in the source queue. */
export interface ResubmissionResult {
  readonly taken: ReadonlySet<string>;
  readonly refused: ReadonlyMap<string, string>;
}

/** Sends message bodies to an SQS queue unchanged, without parsing them and without their attributes. */
export class SqsResubmission {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;

  constructor(sqs: SQSClient, queueUrl: string) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
  }

  /**
   * @param messages at most ten, together no larger than one message may be
   * @throws if the call has no response: each message may or may not have been accepted
   */
  async send(messages: readonly Resubmitted[]): Promise<ResubmissionResult> {
    const { Successful = [], Failed = [] } = await this.#sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: messages.map(({ body, groupId }, index) => ({
          Id: String(index),
          MessageBody: body,
          ...messageGroup(groupId),
        })),
      }),
    );
    const idOf = (entry: string | undefined) => messages[Number(entry)]?.queueMessageId ?? '';
    return {
      // Without a MessageId there is no proof that the queue has it.
      taken: new Set(Successful.filter(({ MessageId }) => MessageId).map(({ Id }) => idOf(Id))),
      refused: new Map(Failed.map(({ Id, Code }) => [idOf(Id), Code ?? 'unnamed'])),
    };
  }
}

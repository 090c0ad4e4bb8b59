import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** One call of SQS takes, or brings, at most ten. */
const MAX_BATCH_SIZE = 10;

/** Of the calls that give letters back: a walk may hold thousands. */
const CALLS_SIDE_BY_SIDE = 8;

/** A message in hand: nobody else is given it until the hold ends. */
export interface ReceivedDeadLetter {
  readonly queueMessageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** Since when it is in a queue. SQS keeps the time where it moves a message to the dead letters by itself. */
  readonly sentAt: Date;
  /** This time included. */
  readonly receiveCount: number;
  readonly groupId: string | undefined;
  /** True where SQS moved it here by the queue's redrive policy. */
  readonly movedByQueue: boolean;
  /** The texts among its attributes. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** As SQS counts, approximately. */
export interface QueueCounts {
  readonly waiting: number;
  /** Held by somebody, or by somebody who was killed: it waits again when the hold ends. */
  readonly outOfSight: number;
}

interface Receive {
  /** 1 to 10. */
  readonly most: number;
  readonly holdSeconds: number;
}

/**
 * A queue that a person works through. No call takes a signal: a receive that is broken off would leave letters in
 * nobody's hand until the hold ends, so the caller stops between two calls. Each ends by the timeouts of the client.
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
      outOfSight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    };
  }

  /** None means that the queue is empty at this moment: a poll that waits asks all servers of SQS. */
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
    return Messages.map(heldMessage);
  }

  /**
   * Makes messages visible again, at once or later. What cannot be given back comes back by itself when its hold ends.
   *
   * @returns how many could not
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
   * @returns the handles of those that are gone
   * @throws where the call has no answer
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

  /** A call that fails counts as failed for its ten, and keeps none of the others from being made. */
  async #inTens(
    handles: readonly string[],
    call: (ten: readonly string[]) => Promise<number>,
  ): Promise<readonly number[]> {
    const tens: (readonly string[])[] = [];
    for (let start = 0; start < handles.length; start += MAX_BATCH_SIZE) {
      tens.push(handles.slice(start, start + MAX_BATCH_SIZE));
    }
    const failed: number[] = [];
    const work = async () => {
      for (let ten = tens.shift(); ten !== undefined; ten = tens.shift()) {
        const { length } = ten;
        failed.push(await call(ten).catch(() => length));
      }
    };
    await Promise.all(Array.from({ length: CALLS_SIDE_BY_SIDE }, work));
    return failed;
  }
}

function heldMessage(message: Message): ReceivedDeadLetter {
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

/** A message as it goes into a queue again. */
export interface Resubmitted {
  readonly queueMessageId: string;
  readonly body: string;
  readonly groupId: string | undefined;
}

/** Which were taken, and why the others were not; by the id that a message had where it came from. */
export interface ResubmissionResult {
  readonly taken: ReadonlySet<string>;
  readonly refused: ReadonlyMap<string, string>;
}

/** Puts messages into an SQS queue as they are, without reading them and without their attributes. */
export class SqsResubmission {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;

  constructor(sqs: SQSClient, queueUrl: string) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
  }

  /**
   * @param messages at most ten, and together no more bytes than one message may have
   * @throws where the call has no answer: each of them was taken or was not
   */
  async send(messages: readonly Resubmitted[]): Promise<ResubmissionResult> {
    const { Successful = [], Failed = [] } = await this.#sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: messages.map(({ body, groupId }, index) => ({
          Id: String(index),
          MessageBody: body,
          // On a standard queue the group makes it fair: a tenant with many mails does not hold up the others.
          ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
        })),
      }),
    );
    const idOf = (entry: string | undefined) => messages[Number(entry)]?.queueMessageId ?? '';
    return {
      // Without the id that the queue gave it, nothing says that it is there.
      taken: new Set(Successful.filter(({ MessageId }) => MessageId).map(({ Id }) => idOf(Id))),
      refused: new Map(Failed.map(({ Id, Code }) => [idOf(Id), Code ?? 'unnamed'])),
    };
  }
}

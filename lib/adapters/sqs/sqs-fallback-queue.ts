import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { type FallbackMessage, serialiseFallbackMessage } from '../../domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../domain/limits.ts';
import {
  type Checkable,
  type FallbackQueue,
  type PushOptions,
  REMAINDER_ATTRIBUTE,
} from '../../ports/queues.ts';
import { intoBatches, messageGroup } from './sqs-client.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const MAX_DELAY_SECONDS = 900;

interface Waiting {
  readonly queueUrl: string;
  readonly body: string;
  readonly bytes: number;
  readonly tenantId: string | undefined;
  readonly delaySeconds: number;
  readonly isMarked: boolean;
  readonly resolve: (queueMessageId: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends envelopes to SQS: urgent mail to its own queue, where no backlog is ahead of it. Pushes in the same event loop
 * turn to the same queue share a SendMessageBatch, which costs a fraction of single calls; no push waits for a batch to
 * fill.
 */
export class SqsFallbackQueue implements FallbackQueue, Checkable {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #urgentQueueUrl: string;
  readonly #timeoutMs: number;
  #waiting: Waiting[] = [];

  /**
   * @param timeoutMs total time for one call, including SDK retries
   * @param urgentQueueUrl without it urgent mail waits with all other in the one queue
   */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number, urgentQueueUrl = queueUrl) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#urgentQueueUrl = urgentQueueUrl;
    this.#timeoutMs = timeoutMs;
  }

  push(
    message: FallbackMessage,
    { delaySeconds = 0, isRemainder = false }: PushOptions = {},
  ): Promise<string> {
    const body = serialiseFallbackMessage(message);
    const bytes = Buffer.byteLength(body);
    // Without room for the mark, count the mail twice rather than lose it.
    const isMarked = isRemainder && bytes + MARK_BYTES <= MAX_QUEUE_MESSAGE_BYTES;
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({
        queueUrl: message.priority === 'urgent' ? this.#urgentQueueUrl : this.#queueUrl,
        body,
        bytes: isMarked ? bytes + MARK_BYTES : bytes,
        tenantId: message.tenantId,
        delaySeconds,
        isMarked,
        resolve,
        reject,
      });
    });
  }

  /** Both queues: the permission for one says nothing of the other. */
  async check(): Promise<void> {
    await Promise.all(Array.from(new Set([this.#queueUrl, this.#urgentQueueUrl]), (url) => this.#check(url)));
  }

  /**
   * Sends a batch whose only message SQS refuses for its delay. SQS reports that for the entry, after it has found the
   * queue and the permission to send: what is wrong with those fails the whole call. So the permission to send is all
   * that is needed, and no message gets into the queue.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
   */
  async #check(queueUrl: string): Promise<void> {
    const entry = { Id: 'check', MessageBody: '{"check":true}', DelaySeconds: MAX_DELAY_SECONDS + 1 };
    const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: [entry] });
    const { Failed = [] } = await this.#sqs.send(command, this.#limit());
    const fault = Failed.find(({ SenderFault }) => SenderFault !== true);
    if (fault !== undefined) throw new QueueRefusedError(fault.Code ?? 'unnamed');
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const queueUrl of new Set(waiting.map((one) => one.queueUrl))) {
      for (const batch of intoBatches(waiting.filter((one) => one.queueUrl === queueUrl))) {
        const [first] = batch;
        void (batch.length === 1 && first ? this.#sendOne(first) : this.#sendBatch(queueUrl, batch));
      }
    }
  }

  async #sendOne(one: Waiting): Promise<void> {
    try {
      const response = await this.#sqs.send(
        new SendMessageCommand({ QueueUrl: one.queueUrl, ...messageFields(one) }),
        this.#limit(),
      );
      one.resolve(confirmed(response.MessageId));
    } catch (error) {
      one.reject(error);
    }
  }

  async #sendBatch(queueUrl: string, batch: readonly Waiting[]): Promise<void> {
    const entries: SendMessageBatchRequestEntry[] = batch.map((one, index) => ({
      Id: String(index),
      ...messageFields(one),
    }));
    try {
      const response = await this.#sqs.send(
        new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
        this.#limit(),
      );
      const accepted = new Map(response.Successful?.map(({ Id, MessageId }) => [Id, MessageId]));
      const failed = new Map(response.Failed?.map((entry) => [entry.Id, entry]));
      await Promise.all(
        batch.map((one, index) => this.#settle(one, accepted.get(String(index)), failed.get(String(index)))),
      );
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
  }

  #limit(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#timeoutMs) };
  }

  /** An entry that failed without SenderFault is sent once more alone, with SDK retries. */
  async #settle(
    one: Waiting,
    queueMessageId: string | undefined,
    failure?: BatchResultErrorEntry,
  ): Promise<void> {
    if (queueMessageId !== undefined) one.resolve(queueMessageId);
    else if (failure?.SenderFault === true) one.reject(new QueueRefusedError(failure.Code ?? 'unnamed'));
    else await this.#sendOne(one);
  }
}

/** SQS responded but did not accept the message. */
class QueueRefusedError extends Error {
  override readonly name = 'QueueRefusedError';
  readonly code: string;

  constructor(code: string) {
    super(`SQS did not take the message: ${code}`);
    this.code = code;
  }
}

function confirmed(queueMessageId: string | undefined): string {
  if (queueMessageId === undefined) throw new QueueRefusedError('no MessageId in the answer');
  return queueMessageId;
}

const MARK = { DataType: 'String', StringValue: '1' } as const;

/** The name, type and value of an attribute count toward the SQS message size. */
const MARK_BYTES = REMAINDER_ATTRIBUTE.length + MARK.DataType.length + MARK.StringValue.length;

function messageFields({ body, tenantId, delaySeconds, isMarked }: Waiting) {
  return {
    MessageBody: body,
    ...messageGroup(tenantId),
    ...(delaySeconds === 0 ? {} : { DelaySeconds: delaySeconds }),
    ...(isMarked ? { MessageAttributes: { [REMAINDER_ATTRIBUTE]: MARK } } : {}),
  };
}

import { type MessageAttributeValue, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../domain/limits.ts';
import type { DeadLetterCause, DeadLetters } from '../../ports/queues.ts';

const MAX_DETAIL_CHARACTERS = 500;

/** Sends dead letters to an SQS queue, with the cause in attributes, readable without opening the body. */
export class SqsDeadLetters implements DeadLetters {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for one call, including SDK retries */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
  }

  async park(body: string, why: DeadLetterCause): Promise<void> {
    const attributes = attributesOf(why);
    const fits = Buffer.byteLength(body) + sizeOf(attributes) <= MAX_QUEUE_MESSAGE_BYTES;
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: this.#queueUrl,
        MessageBody: body,
        // A body that fills the message leaves no room; then only the log has the cause.
        ...(fits ? { MessageAttributes: attributes } : {}),
      }),
      { abortSignal: AbortSignal.timeout(this.#timeoutMs) },
    );
  }
}

function attributesOf({
  cause,
  detail,
  deliveryId,
  tenantId,
}: DeadLetterCause): Record<string, MessageAttributeValue> {
  return {
    cause: text(cause),
    detail: text(detail.slice(0, MAX_DETAIL_CHARACTERS)),
    ...(deliveryId === undefined ? {} : { deliveryId: text(deliveryId) }),
    ...(tenantId === undefined ? {} : { tenantId: text(tenantId) }),
  };
}

/** SQS accepts only XML 1.0 characters, and no empty value. */
function text(value: string): MessageAttributeValue {
  const printable = value.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ');
  return { DataType: 'String', StringValue: printable === '' ? '-' : printable };
}

function sizeOf(attributes: Record<string, MessageAttributeValue>): number {
  return Object.entries(attributes).reduce(
    (bytes, [name, { StringValue = '', DataType = '' }]) =>
      bytes + Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue),
    0,
  );
}

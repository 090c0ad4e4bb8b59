import { DeleteMessageCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { type FallbackMessage, parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import type { LocalQueue, SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';

/** Receives and deletes one message of a queue; undefined if there is none. */
async function takeMessage({ sqs }: SqsAndS3, queue: LocalQueue): Promise<Message | undefined> {
  const response = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
  );
  const message = response.Messages?.[0];
  if (message !== undefined) {
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }));
  }
  return message;
}

/** Receives and deletes every message that is visible now. */
export async function takeAll(aws: SqsAndS3, queue: LocalQueue): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const message = await takeMessage(aws, queue);
    if (message === undefined) return messages;
    messages.push(message);
  }
}

/** Receives and deletes every envelope of the fallback queue, or of another. */
export async function takeEnvelopes(
  aws: SqsAndS3,
  queue: LocalQueue = aws.fallback,
): Promise<FallbackMessage[]> {
  const messages = await takeAll(aws, queue);
  return messages.map((message) => {
    const parsed = parseFallbackMessage(message.Body ?? '');
    if (parsed.kind !== 'message') throw new Error(`the queue holds no envelope: ${parsed.detail}`);
    return parsed.message;
  });
}

import { DeleteMessageCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { type FallbackMessage, parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import type { LocalQueue, SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';

/** Takes one message out of a queue; undefined where there is none. */
async function takeMessage({ sqs }: SqsAndS3, queue: LocalQueue): Promise<Message | undefined> {
  const answer = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
  );
  const message = answer.Messages?.[0];
  if (message !== undefined) {
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }));
  }
  return message;
}

/** Takes every message that is there now. */
export async function takeAll(aws: SqsAndS3, queue: LocalQueue): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const message = await takeMessage(aws, queue);
    if (message === undefined) return messages;
    messages.push(message);
  }
}

/** Takes every envelope out of the fallback queue. */
export async function takeEnvelopes(aws: SqsAndS3): Promise<FallbackMessage[]> {
  const messages = await takeAll(aws, aws.fallback);
  return messages.map((message) => {
    const parsed = parseFallbackMessage(message.Body ?? '');
    if (parsed.kind !== 'message') throw new Error(`the queue holds no envelope: ${parsed.detail}`);
    return parsed.message;
  });
}

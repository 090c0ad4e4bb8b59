import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

export interface Consumption {
  readonly sqs: SQSClient;
  readonly url: string;
  /** Ends it; what was received until then is deleted. */
  readonly signal: AbortSignal;
}

const LONG_POLL_SECONDS = 20;

/** Takes every message off a queue, until the signal aborts. */
export async function consume(
  { sqs, url, signal }: Consumption,
  onMessage: (message: Message) => void,
): Promise<void> {
  while (!signal.aborted) {
    const received = await sqs
      .send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: LONG_POLL_SECONDS,
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: signal },
      )
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    const { Messages = [] } = received ?? {};
    if (Messages.length === 0) continue;
    for (const message of Messages) onMessage(message);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
  }
}

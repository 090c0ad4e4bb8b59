import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface QueueCounts {
  readonly arn: string;
  /** That nobody works on. */
  readonly waiting: number;
  /** Handed out, or waiting for their next try. */
  readonly hidden: number;
}

/** As SQS counts: about right, and up to a minute old. @throws what the SDK throws */
export async function countQueue(sqs: SQSClient, url: string, signal: AbortSignal): Promise<QueueCounts> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: [
        'QueueArn',
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
    { abortSignal: signal },
  );
  return {
    arn: Attributes.QueueArn ?? '',
    waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    hidden:
      Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0) +
      Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}

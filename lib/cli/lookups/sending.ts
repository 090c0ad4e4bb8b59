import { DynamoSendingState } from '../../adapters/dynamodb/dynamo-sending-state.ts';
import { DlqClient, type QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import type { SendingStateStore } from '../../ports/sending.ts';
import type { CommandContext } from '../context.ts';
import { type PipelineOutputs, pipelineOutputs } from '../deployment.ts';

/** Total time for one call, including SDK retries. */
const CALL_TIMEOUT_MS = 30_000;

/** What the functions that send know together, and the queues that they work. */
export interface Sending {
  readonly state: SendingStateStore;
  counts(queue: SendingQueue): Promise<QueueCounts>;
}

type SendingQueue = 'normal' | 'urgent' | 'held';

/** @throws {@link OperatorError} if the pipeline is not deployed */
export async function openSending({
  aws,
  deployment,
  signal,
}: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>): Promise<Sending> {
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const [dynamoDb, sqs] = await Promise.all([aws.dynamoDb(), aws.sqs()]);
  return {
    state: new DynamoSendingState(dynamoDb, {
      tableName: outputs.LedgerTableName,
      timeoutMs: CALL_TIMEOUT_MS,
    }),
    counts: (queue) => new DlqClient(sqs, outputs[OUTPUTS[queue]]).counts(),
  };
}

const OUTPUTS = {
  normal: 'FallbackQueueUrl',
  urgent: 'UrgentQueueUrl',
  held: 'HeldQueueUrl',
} as const satisfies Record<SendingQueue, keyof PipelineOutputs>;

/** All that a queue has; a message in flight is in hand, or waits for its next try. */
export function totalOf({ waiting, inFlight }: QueueCounts): number {
  return waiting + inFlight;
}

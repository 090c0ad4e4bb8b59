import { DlqClient, SqsResubmission } from '../../../adapters/sqs/dlq-client.ts';
import type { Priority } from '../../../domain/fallback-message.ts';
import type { CommandContext } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';
import type { FixHints } from '../../hints.ts';
import { silentProgress, type Terminal } from '../../terminal.ts';
import type { ScanDeps } from '../dead-letters.ts';

/** The queue of each priority. */
export type Resubmission = Readonly<Record<Priority, SqsResubmission>>;

export interface DlqClients {
  readonly deadLetters: DlqClient;
  readonly resubmission: Resubmission;
  readonly payloadBucket: string;
  /** Dependencies for a scan of the dead letters. */
  readonly survey: ScanDeps;
}

/** Opens the queues of the deployment. @throws {@link OperatorError} if it is not deployed */
export async function openDlqClients({
  aws,
  deployment,
  signal,
  terminal,
}: Pick<CommandContext, 'aws' | 'deployment' | 'signal'> & {
  /** Without one, no progress is shown. */
  readonly terminal?: Pick<Terminal, 'progress'>;
}): Promise<DlqClients> {
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const sqs = await aws.sqs();
  const deadLetters = new DlqClient(sqs, outputs.DeadLetterQueueUrl);
  return {
    deadLetters,
    resubmission: {
      normal: new SqsResubmission(sqs, outputs.FallbackQueueUrl),
      urgent: new SqsResubmission(sqs, outputs.UrgentQueueUrl),
    },
    payloadBucket: outputs.PayloadBucketName,
    survey: {
      box: deadLetters,
      signal,
      progress: (total) => terminal?.progress('Looking', total) ?? silentProgress,
    },
  };
}

/** @param inFlight dead letters in flight during the scan, which may include the wanted ones */
export function noSuchDeadLetter(inFlight: number, commands: FixHints): OperatorError {
  const hint = inFlight === 0 ? '' : ` (${inFlight} are in flight now: try again in a few minutes)`;
  return new OperatorError(
    'NO_SUCH_LETTER',
    `no dead letter that can be seen is of that id or cause${hint}`,
    commands.mailctl('dlq ls'),
  );
}

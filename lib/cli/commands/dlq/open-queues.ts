import { SqsLetterBox, SqsResubmission } from '../../../adapters/sqs/dlq-client.ts';
import type { CommandContext } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';
import type { MendCommands } from '../../hints.ts';
import type { SurveyParts } from '../../lookups/dead-letters.ts';

export interface LetterBoxes {
  readonly deadLetters: SqsLetterBox;
  readonly fallback: SqsResubmission;
  readonly payloadBucket: string;
  /** What it takes to look at the dead letters. */
  readonly survey: SurveyParts;
}

/** The queues of the deployment. @throws OperatorError where it is not there */
export async function openLetterBoxes({
  aws,
  deployment,
  terminal,
  signal,
}: CommandContext): Promise<LetterBoxes> {
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const sqs = await aws.sqs();
  const deadLetters = new SqsLetterBox(sqs, outputs.DeadLetterQueueUrl);
  return {
    deadLetters,
    fallback: new SqsResubmission(sqs, outputs.FallbackQueueUrl),
    payloadBucket: outputs.PayloadBucketName,
    survey: { box: deadLetters, signal, progress: (total) => terminal.progress('Looking', total) },
  };
}

/** @param outOfSight how many letters nobody could look at, which may be those that were meant */
export function noSuchLetter(outOfSight: number, commands: MendCommands): OperatorError {
  const hint = outOfSight === 0 ? '' : ` (${outOfSight} are out of sight now: try again in a few minutes)`;
  return new OperatorError(
    'NO_SUCH_LETTER',
    `no dead letter that can be seen is of that id or cause${hint}`,
    commands.mailctl('dlq ls'),
  );
}

import { SqsLetterBox } from '../../adapters/sqs/sqs-letter-box.ts';
import { SqsResubmission } from '../../adapters/sqs/sqs-resubmission.ts';
import type { CommandContext } from '../command-context.ts';
import { pipelineOutputs } from '../deployment.ts';
import type { SurveyParts } from './survey-letters.ts';

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

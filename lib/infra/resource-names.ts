import type { Settings } from './settings.ts';

/**
 * The names that a person looks for in the console, in logs and in the settings of the API. All of them carry
 * the stage, so that two stages stand side by side in one account.
 *
 * A resource with a name of its own cannot be replaced by CloudFormation without a rename. That is accepted:
 * none of what these resources are set to here needs a replacement, and a queue that was silently replaced
 * would take the mail waiting in it along.
 */
export interface ResourceNames {
  readonly fallbackQueue: string;
  readonly deadLetterQueue: string;
  readonly resendFunction: string;
  readonly ledgerTable: string;
  readonly suppressionTable: string;
  readonly eventTopic: string;
  readonly feedbackQueue: string;
  readonly feedbackDeadLetterQueue: string;
  readonly feedbackFunction: string;
  readonly receiptsQueue: string;
  readonly receiptsDeadLetterQueue: string;
  readonly configurationSet: string;
  readonly user: string;
  readonly secret: string;
}

export function resourceNames({
  project,
  stage,
  userName,
}: Pick<Settings, 'project' | 'stage' | 'userName'>): ResourceNames {
  return {
    fallbackQueue: `${project}-mail-fallback-${stage}`,
    deadLetterQueue: `${project}-mail-dead-letters-${stage}`,
    resendFunction: `${project}-mail-resend-${stage}`,
    ledgerTable: `${project}-mail-ledger-${stage}`,
    suppressionTable: `${project}-mail-suppression-${stage}`,
    eventTopic: `${project}-mail-events-${stage}`,
    feedbackQueue: `${project}-mail-feedback-${stage}`,
    feedbackDeadLetterQueue: `${project}-mail-feedback-dead-letters-${stage}`,
    feedbackFunction: `${project}-mail-feedback-${stage}`,
    receiptsQueue: `${project}-mail-receipts-${stage}`,
    receiptsDeadLetterQueue: `${project}-mail-receipts-dead-letters-${stage}`,
    configurationSet: `${project}-mail-${stage}`,
    // The name of the production user is what the API's team was told; the other stage steps aside.
    user: stage === 'prod' ? userName : `${userName}-${stage}`,
    secret: `${project}/${stage}/ses`,
  };
}

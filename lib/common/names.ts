/** What tells one deployment of the pipeline from another in the same account. */
export interface DeploymentName {
  readonly project: string;
  readonly stage: string;
}

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
}: DeploymentName & { readonly userName: string }): ResourceNames {
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

/** The names of what watches one stage, as a person looks for them in the console and in a message at night. */
export interface MonitoringNames {
  readonly stack: string;
  readonly accountMetricsFunction: string;
  readonly alarmTopic: string;
  readonly mailDashboard: string;
  readonly reputationDashboard: string;
  readonly machineRoomDashboard: string;
}

export function monitoringNames({ project, stage }: DeploymentName): MonitoringNames {
  return {
    stack: `${project}-mail-monitoring-${stage}`,
    accountMetricsFunction: `${project}-mail-account-metrics-${stage}`,
    alarmTopic: `${project}-mail-alarms-${stage}`,
    mailDashboard: `${project}-mail-${stage}`,
    reputationDashboard: `${project}-mail-reputation-${stage}`,
    machineRoomDashboard: `${project}-mail-machine-room-${stage}`,
  };
}

/** The name of an alarm in CloudWatch. */
export function alarmName({ project, stage }: DeploymentName, alarm: string): string {
  return `${project}-mail-${stage}-${alarm}`;
}

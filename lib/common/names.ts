/** Identifies a deployment of the pipeline in an account. */
export interface DeploymentName {
  /** The prefix of every name. */
  readonly project: string;
  readonly stage: 'dev' | 'prod';
}

/** Where cdk.json, a flag or the environment says nothing. */
export const DEPLOYMENT_DEFAULTS = {
  project: 'keybuzz',
  stage: 'dev',
  region: 'eu-west-1',
  domain: 'keybuzz.io',
  mailFromSubdomain: 'bounce',
  userName: 'keybuzz-ses',
} as const;

/** Both stages share the identity, so its name has no stage. */
export function identityStackName({ project }: DeploymentName): string {
  return `${project}-mail-identity`;
}

export function pipelineStackName({ project, stage }: DeploymentName): string {
  return `${project}-mail-pipeline-${stage}`;
}

export function monitoringStackName({ project, stage }: DeploymentName): string {
  return `${project}-mail-monitoring-${stage}`;
}

/**
 * Names of the pipeline stack's resources in the console, in logs and in the API's settings. All contain the
 * stage, so that both stages fit into one account.
 *
 * CloudFormation cannot replace a resource with a fixed name. That is intended: no property set here needs a
 * replacement, and replacing a queue would delete the mail in it.
 */
export interface ResourceNames {
  readonly fallbackQueue: string;
  /** Of urgent mail. */
  readonly urgentQueue: string;
  /** Of mail that the resend function holds. */
  readonly heldQueue: string;
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
    urgentQueue: `${project}-mail-fallback-urgent-${stage}`,
    heldQueue: `${project}-mail-held-${stage}`,
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
    // The API team uses the production user without a stage suffix.
    user: stage === 'prod' ? userName : `${userName}-${stage}`,
    secret: `${project}/${stage}/ses`,
  };
}

/**
 * The logical ids of pipeline stack resources that hold data or are looked up. They are fixed: an id that the
 * CDK derives from a construct's path changes when the construct is renamed, and CloudFormation would replace
 * the resource.
 */
export const LOGICAL_IDS = {
  fallbackQueue: 'FallbackQueue',
  urgentQueue: 'UrgentQueue',
  heldQueue: 'HeldQueue',
  fallbackDeadLetters: 'FallbackDeadLetters',
  feedbackQueue: 'FeedbackQueue',
  feedbackDeadLetters: 'FeedbackDeadLetters',
  receiptsQueue: 'ReceiptsQueue',
  receiptsDeadLetters: 'ReceiptsDeadLetters',
  payloadBucket: 'PayloadBucket',
  ledgerTable: 'LedgerTable',
  suppressionTable: 'SuppressionTable',
  eventTopic: 'EventTopic',
  configurationSet: 'ConfigurationSet',
  resendFunction: 'ResendFunction',
  feedbackFunction: 'FeedbackFunction',
  apiUser: 'ApiUser',
  secret: 'ApiUserSecret',
} as const;

/** The resources of the monitoring stack. */
export interface MonitoringNames {
  readonly accountMetricsFunction: string;
  readonly alarmTopic: string;
  readonly mailDashboard: string;
  readonly reputationDashboard: string;
  readonly machineRoomDashboard: string;
}

export function monitoringNames({ project, stage }: DeploymentName): MonitoringNames {
  return {
    accountMetricsFunction: `${project}-mail-account-metrics-${stage}`,
    alarmTopic: `${project}-mail-alarms-${stage}`,
    mailDashboard: `${project}-mail-${stage}`,
    reputationDashboard: `${project}-mail-reputation-${stage}`,
    machineRoomDashboard: `${project}-mail-machine-room-${stage}`,
  };
}

/** The Secrets of Kubernetes that the worker reads: their keys are its environment variables. */
export interface KubernetesSecretNames {
  readonly database: string;
  readonly ses: string;
  readonly smtp: string;
}

export function kubernetesSecretNames(project: string): KubernetesSecretNames {
  return { database: `${project}-api-postgres`, ses: `${project}-ses`, smtp: `${project}-smtp` };
}

/** The name of an alarm in CloudWatch. */
export function alarmName(deployment: DeploymentName, alarm: string): string {
  return `${alarmPrefix(deployment)}${alarm}`;
}

/** The prefix of all alarm names of a stage. */
export function alarmPrefix({ project, stage }: DeploymentName): string {
  return `${project}-mail-${stage}-`;
}

/** What `mailctl` reads where a flag is missing; the API and the worker may see them in a shared environment. */
export const MAILCTL_VARIABLES = {
  stage: 'MAIL_STAGE',
  project: 'MAIL_PROJECT',
  relay: 'MAIL_RELAY',
} as const;

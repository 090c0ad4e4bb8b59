import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { RESEND_BATCH_SIZE, RESEND_ENV, RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import type { PayloadBucket } from './payload-bucket.ts';
import { type FunctionProps, QueueFunction } from './pipeline-function.ts';
import type { FallbackQueue, FeedbackQueue, ReceiptsQueue } from './queues.ts';
import type { SendingConfiguration } from './sending-configuration.ts';
import type { LedgerTable, SuppressionTable } from './tables.ts';

/**
 * The largest mail, 40 MB, is in memory as bytes, as base64 in the JSON of the v2 call, and as the bytes of that
 * JSON: five of them in a row took up to 320 MB in all, without reading them from S3. Twice that and more leaves
 * room for the read, and the share of a CPU that comes with the memory shortens what a cold start is billed for.
 */
export const RESEND_MEMORY_MIB = 1024;

export interface ResendFunctionProps extends FunctionProps {
  /** The queue of normal mail, and of continuations. */
  readonly fallbackQueue: FallbackQueue;

  /** The queue of urgent mail: its batches do not wait for those of normal mail. */
  readonly urgentQueue: FallbackQueue;

  /** The queue of mail that the function holds: only it writes there. */
  readonly heldQueue: FallbackQueue;

  /** Holds large content. */
  readonly payloadBucket: PayloadBucket;

  /** How SES sends what the function resends. */
  readonly sendingConfiguration: SendingConfiguration;

  /** The domain that the From of a mail must belong to. */
  readonly fromDomain: string;

  /** Remembers what was sent to SES. */
  readonly ledger: LedgerTable;

  /** Recipients that get no mail. */
  readonly suppressionList: SuppressionTable;

  /** Tenants whose mail is sent in spite of soft bounces. */
  readonly exemptTenants: readonly string[];

  /** Whether bounces and complaints may hold normal mail to addresses that were never delivered to. */
  readonly reputationFuse: boolean;

  /** Gets the receipts for the API. */
  readonly receiptsQueue: ReceiptsQueue;

  /** Events that wait here are not applied yet: they may be about a call whose response was lost. */
  readonly feedbackQueue: FeedbackQueue;

  /** How long to wait for the event of a call whose response was lost. */
  readonly eventWait: EventWait;

  /** The namespace of its metrics, and the value of their dimension `stage`. */
  readonly metrics: { readonly namespace: string; readonly stage: string };
}

interface EventWait {
  readonly least: Duration;

  /** Used if too few events were measured. */
  readonly default: Duration;

  readonly most: Duration;
}

/** The Lambda that resends through SES what SMTP did not accept, fed by the queues of normal, urgent and held mail. */
export class ResendFunction extends QueueFunction {
  constructor(scope: Construct, id: string, props: ResendFunctionProps) {
    super(scope, id, {
      ...props,
      description: 'Resends through SES the mail that SMTP did not accept',
      source: props.fallbackQueue,
      otherSources: { UrgentEventSource: props.urgentQueue, HeldEventSource: props.heldQueue },
      batchSize: RESEND_BATCH_SIZE,
      // Pending recipients go back to the queue as a continuation, fewer with each round.
      feedsItself: true,
      timeout: Duration.seconds(RESEND_TIMEOUT_SECONDS),
      memoryMib: RESEND_MEMORY_MIB,
      environment: environmentOf(props),
    });
    // For continuations, and for what it holds and lets go.
    for (const queue of [props.fallbackQueue, props.urgentQueue, props.heldQueue]) queue.grantSend(this.role);
    props.payloadBucket.grantGet(this.role);
    props.sendingConfiguration.grantSend(this.role);
    props.sendingConfiguration.grantLimits(this.role);
    props.ledger.grantClaims(this.role);
    props.suppressionList.grantFind(this.role);
    props.receiptsQueue.grantPublish(this.role);
    props.feedbackQueue.grantCount(this.role);
  }
}

function environmentOf(props: ResendFunctionProps): Record<string, string> {
  const { fallbackQueue, ledger, suppressionList, eventWait } = props;
  return {
    [RESEND_ENV.queueUrl]: fallbackQueue.queue.queueUrl,
    [RESEND_ENV.urgentQueueUrl]: props.urgentQueue.queue.queueUrl,
    [RESEND_ENV.heldQueueUrl]: props.heldQueue.queue.queueUrl,
    [RESEND_ENV.deadLetterQueueUrl]: fallbackQueue.deadLetterQueue.queueUrl,
    [RESEND_ENV.payloadBucket]: props.payloadBucket.bucket.bucketName,
    [RESEND_ENV.configurationSet]: props.sendingConfiguration.configurationSet.configurationSetName,
    [RESEND_ENV.fromDomain]: props.fromDomain,
    [RESEND_ENV.receiptsQueueUrl]: props.receiptsQueue.queue.queueUrl,
    [RESEND_ENV.feedbackQueueUrl]: props.feedbackQueue.queue.queueUrl,
    [RESEND_ENV.ledgerTable]: ledger.table.tableName,
    [RESEND_ENV.ledgerRetentionDays]: String(ledger.retention.toDays()),
    [RESEND_ENV.suppressionTable]: suppressionList.table.tableName,
    [RESEND_ENV.softBounceLimit]: String(suppressionList.softBounces.limit),
    [RESEND_ENV.softBounceWindowDays]: String(suppressionList.softBounces.window.toDays()),
    [RESEND_ENV.exemptTenants]: props.exemptTenants.join(','),
    [RESEND_ENV.reputationFuse]: props.reputationFuse ? 'on' : 'off',
    [RESEND_ENV.eventWaitLeastSeconds]: String(eventWait.least.toSeconds()),
    [RESEND_ENV.eventWaitDefaultSeconds]: String(eventWait.default.toSeconds()),
    [RESEND_ENV.eventWaitMostSeconds]: String(eventWait.most.toSeconds()),
    [RESEND_ENV.metricsNamespace]: props.metrics.namespace,
    [RESEND_ENV.metricsStage]: props.metrics.stage,
  };
}

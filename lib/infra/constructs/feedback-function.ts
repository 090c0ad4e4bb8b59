import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  FEEDBACK_BATCH_SIZE,
  FEEDBACK_BATCH_WINDOW_SECONDS,
  FEEDBACK_ENV,
  FEEDBACK_TIMEOUT_SECONDS,
} from '../../../lambda/feedback/constants.ts';
import { type FunctionProps, QueueFunction } from './pipeline-function.ts';
import type { FeedbackQueue, ReceiptsQueue } from './queues.ts';
import type { LedgerTable, SuppressionTable } from './tables.ts';

/**
 * A batch of events is a few megabytes, and the function mostly waits for responses. Less memory comes with so small a
 * share of a CPU that, after a cold start, TLS handshakes would use up the timeouts of the first calls.
 */
export const FEEDBACK_MEMORY_MIB = 512;

export interface FeedbackFunctionProps extends FunctionProps {
  /** The queue that feeds the function. */
  readonly feedbackQueue: FeedbackQueue;

  /** Gets the delivery status of each mail. */
  readonly ledger: LedgerTable;

  /** Gets bounces and complaints. */
  readonly suppressionList: SuppressionTable;

  /** Gets the receipts for the API. */
  readonly receiptsQueue: ReceiptsQueue;

  /** Whether it records the addresses that SES delivered to, which the reputation fuse asks for. */
  readonly reputationFuse: boolean;

  /** The domain that the From of a mail belongs to. */
  readonly fromDomain: string;

  /** The namespace of its metrics, and the value of their dimension `stage`. */
  readonly metrics: { readonly namespace: string; readonly stage: string };
}

/** The Lambda that applies SES's events to the ledger and the suppression list. It may not send any mail. */
export class FeedbackFunction extends QueueFunction {
  constructor(scope: Construct, id: string, props: FeedbackFunctionProps) {
    super(scope, id, {
      ...props,
      description: 'Records the events of SES about the mail that was resent',
      source: props.feedbackQueue,
      batchSize: FEEDBACK_BATCH_SIZE,
      batchWindow: Duration.seconds(FEEDBACK_BATCH_WINDOW_SECONDS),
      timeout: Duration.seconds(FEEDBACK_TIMEOUT_SECONDS),
      memoryMib: FEEDBACK_MEMORY_MIB,
      environment: environmentOf(props),
    });
    props.ledger.grantStatuses(this.role);
    props.suppressionList.grantRecord(this.role);
    props.receiptsQueue.grantPublish(this.role);
  }
}

function environmentOf(props: FeedbackFunctionProps): Record<string, string> {
  const { feedbackQueue, ledger, suppressionList } = props;
  return {
    [FEEDBACK_ENV.queueUrl]: feedbackQueue.queue.queueUrl,
    [FEEDBACK_ENV.deadLetterQueueUrl]: feedbackQueue.deadLetterQueue.queueUrl,
    [FEEDBACK_ENV.receiptsQueueUrl]: props.receiptsQueue.queue.queueUrl,
    [FEEDBACK_ENV.ledgerTable]: ledger.table.tableName,
    [FEEDBACK_ENV.ledgerRetentionDays]: String(ledger.retention.toDays()),
    [FEEDBACK_ENV.suppressionTable]: suppressionList.table.tableName,
    [FEEDBACK_ENV.softBounceLimit]: String(suppressionList.softBounces.limit),
    [FEEDBACK_ENV.softBounceWindowDays]: String(suppressionList.softBounces.window.toDays()),
    [FEEDBACK_ENV.fromDomain]: props.fromDomain,
    [FEEDBACK_ENV.reputationFuse]: props.reputationFuse ? 'on' : 'off',
    [FEEDBACK_ENV.metricsNamespace]: props.metrics.namespace,
    [FEEDBACK_ENV.metricsStage]: props.metrics.stage,
  };
}

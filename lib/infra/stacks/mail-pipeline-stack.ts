import { type CfnElement, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { LOGICAL_IDS, resourceNames } from '../../common/names.ts';
import { metricNamespace, workerMetricNamespace } from '../../domain/metrics.ts';
import { ApiUser } from '../constructs/api-user.ts';
import { EventTopic } from '../constructs/event-topic.ts';
import { FeedbackFunction } from '../constructs/feedback-function.ts';
import { PayloadBucket } from '../constructs/payload-bucket.ts';
import { FallbackQueue, FeedbackQueue, ReceiptsQueue } from '../constructs/queues.ts';
import { ResendFunction } from '../constructs/resend-function.ts';
import { SendingConfiguration } from '../constructs/sending-configuration.ts';
import { LedgerTable, SuppressionTable } from '../constructs/tables.ts';
import type { Settings } from '../settings.ts';

export interface MailPipelineStackProps extends StackProps {
  readonly settings: Settings;

  /** The folder with the bundled resend Lambda. */
  readonly resendBundle: string;

  /** The folder with the bundled feedback Lambda. */
  readonly feedbackBundle: string;
}

/** The fixed ids by the paths of their constructs. If a construct moves, its path moves here, and the id stays. */
const FIXED_LOGICAL_IDS: Readonly<Record<string, string>> = {
  'FallbackQueue/Queue/Resource': LOGICAL_IDS.fallbackQueue,
  'FallbackQueue/DeadLetterQueue/Resource': LOGICAL_IDS.fallbackDeadLetters,
  'UrgentQueue/Queue/Resource': LOGICAL_IDS.urgentQueue,
  'HeldQueue/Queue/Resource': LOGICAL_IDS.heldQueue,
  'FeedbackQueue/Queue/Resource': LOGICAL_IDS.feedbackQueue,
  'FeedbackQueue/DeadLetterQueue/Resource': LOGICAL_IDS.feedbackDeadLetters,
  'ReceiptsQueue/Queue/Resource': LOGICAL_IDS.receiptsQueue,
  'ReceiptsQueue/DeadLetterQueue/Resource': LOGICAL_IDS.receiptsDeadLetters,
  'PayloadBucket/Bucket/Resource': LOGICAL_IDS.payloadBucket,
  'Ledger/Table/Resource': LOGICAL_IDS.ledgerTable,
  'SuppressionList/Table/Resource': LOGICAL_IDS.suppressionTable,
  'Events/Topic/Resource': LOGICAL_IDS.eventTopic,
  'SendingConfiguration/ConfigurationSet/Resource': LOGICAL_IDS.configurationSet,
  'Resend/Function/Resource': LOGICAL_IDS.resendFunction,
  'Feedback/Function/Resource': LOGICAL_IDS.feedbackFunction,
  'ApiUser/User/Resource': LOGICAL_IDS.apiUser,
  'ApiUser/Secret': LOGICAL_IDS.secret,
};

/** One stage of the pipeline: from the fallback queues to SES, and with receipts back to the API. */
export class MailPipelineStack extends Stack {
  readonly sendingConfiguration: SendingConfiguration;
  readonly fallbackQueue: FallbackQueue;
  readonly urgentQueue: FallbackQueue;
  readonly heldQueue: FallbackQueue;
  readonly payloadBucket: PayloadBucket;
  readonly ledger: LedgerTable;
  readonly suppressionList: SuppressionTable;
  readonly eventTopic: EventTopic;
  readonly feedbackQueue: FeedbackQueue;
  readonly receiptsQueue: ReceiptsQueue;
  readonly resendFunction: ResendFunction;
  readonly feedbackFunction: FeedbackFunction;
  readonly apiUser: ApiUser;

  constructor(scope: Construct, id: string, props: MailPipelineStackProps) {
    const { settings, resendBundle, feedbackBundle, ...stackProps } = props;
    const isProduction = settings.stage === 'prod';
    super(scope, id, {
      description: `Resends through SES the mail of ${settings.domain} that SMTP did not accept (${settings.stage})`,
      terminationProtection: isProduction,
      ...stackProps,
    });
    const names = resourceNames(settings);
    // A failed create leaves nothing that would block the next one; mail and its history outlive a deleted stack.
    const removalPolicy = isProduction ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;

    this.sendingConfiguration = new SendingConfiguration(this, 'SendingConfiguration', {
      configurationSetName: names.configurationSet,
      domain: settings.domain,
      tlsPolicy: settings.tlsPolicy,
    });
    this.fallbackQueue = new FallbackQueue(this, 'FallbackQueue', {
      queueName: names.fallbackQueue,
      deadLetterQueueName: names.deadLetterQueue,
      otherSources: [names.urgentQueue, names.heldQueue],
      removalPolicy,
    });
    const besideFallback = { deadLettersOf: this.fallbackQueue, removalPolicy };
    this.urgentQueue = new FallbackQueue(this, 'UrgentQueue', {
      ...besideFallback,
      queueName: names.urgentQueue,
    });
    this.heldQueue = new FallbackQueue(this, 'HeldQueue', { ...besideFallback, queueName: names.heldQueue });
    this.payloadBucket = new PayloadBucket(this, 'PayloadBucket', {
      retention: Duration.days(settings.payloadRetentionDays),
      // In dev the bucket is deleted with its stack, once it is empty.
      removalPolicy,
    });
    this.ledger = new LedgerTable(this, 'Ledger', {
      tableName: names.ledgerTable,
      keep: isProduction,
      retention: Duration.days(settings.ledgerRetentionDays),
    });
    this.suppressionList = new SuppressionTable(this, 'SuppressionList', {
      tableName: names.suppressionTable,
      keep: isProduction,
      softBounces: {
        limit: settings.softBounceLimit,
        window: Duration.days(settings.softBounceWindowDays),
      },
    });
    this.eventTopic = new EventTopic(this, 'Events', {
      topicName: names.eventTopic,
      sendingConfiguration: this.sendingConfiguration,
    });
    this.feedbackQueue = new FeedbackQueue(this, 'FeedbackQueue', {
      queueName: names.feedbackQueue,
      deadLetterQueueName: names.feedbackDeadLetterQueue,
      removalPolicy,
      eventTopic: this.eventTopic,
    });
    this.receiptsQueue = new ReceiptsQueue(this, 'ReceiptsQueue', {
      queueName: names.receiptsQueue,
      deadLetterQueueName: names.receiptsDeadLetterQueue,
      removalPolicy,
    });
    this.createDataLast();
    const common = {
      ledger: this.ledger,
      suppressionList: this.suppressionList,
      feedbackQueue: this.feedbackQueue,
      receiptsQueue: this.receiptsQueue,
      fromDomain: settings.domain,
      reputationFuse: settings.reputationFuse,
      logRetention: settings.logRetentionDays,
      metrics: { namespace: metricNamespace(settings.project), stage: settings.stage },
    };
    this.resendFunction = new ResendFunction(this, 'Resend', {
      ...common,
      functionName: names.resendFunction,
      bundle: resendBundle,
      fallbackQueue: this.fallbackQueue,
      urgentQueue: this.urgentQueue,
      heldQueue: this.heldQueue,
      payloadBucket: this.payloadBucket,
      sendingConfiguration: this.sendingConfiguration,
      exemptTenants: settings.suppressionExemptTenants,
      eventWait: {
        least: Duration.seconds(settings.eventWaitLeastSeconds),
        default: Duration.seconds(settings.eventWaitDefaultSeconds),
        most: Duration.seconds(settings.eventWaitMostSeconds),
      },
      maximumConcurrency: settings.maximumConcurrency,
    });
    this.feedbackFunction = new FeedbackFunction(this, 'Feedback', {
      ...common,
      functionName: names.feedbackFunction,
      bundle: feedbackBundle,
      maximumConcurrency: settings.feedbackMaximumConcurrency,
    });
    this.apiUser = new ApiUser(this, 'ApiUser', {
      userName: names.user,
      secretName: names.secret,
      fallbackQueue: this.fallbackQueue,
      urgentQueue: this.urgentQueue,
      payloadBucket: this.payloadBucket,
      receiptsQueue: this.receiptsQueue,
      allowedSourceAddresses: settings.allowedSourceAddresses,
      ...(settings.workerMetrics ? { workerMetricNamespace: workerMetricNamespace(settings.project) } : {}),
    });
    this.outputSettings(settings.domain);
  }

  /**
   * SES tests the topic when the event destination is created, which is what most likely fails. A table is protected
   * from deletion as soon as it exists, so that a rollback could not delete it: it is created after that.
   */
  private createDataLast(): void {
    for (const data of [this.payloadBucket, this.ledger, this.suppressionList]) {
      data.node.addDependency(this.eventTopic.destination);
    }
  }

  protected override allocateLogicalId(element: CfnElement): string {
    const path = element.node.path.slice(this.node.path.length + 1);
    return FIXED_LOGICAL_IDS[path] ?? super.allocateLogicalId(element);
  }

  private outputSettings(domain: string): void {
    this.output('FallbackQueueUrl', 'FALLBACK_QUEUE_URL of the API', this.fallbackQueue.queue.queueUrl);
    this.output('UrgentQueueUrl', 'FALLBACK_URGENT_QUEUE_URL of the API', this.urgentQueue.queue.queueUrl);
    this.output('HeldQueueUrl', 'Mail that the resend function holds', this.heldQueue.queue.queueUrl);
    this.output('PayloadBucketName', 'PAYLOAD_BUCKET of the API', this.payloadBucket.bucket.bucketName);
    this.output('MailDomain', 'MAIL_DOMAIN of the API', domain);
    this.output('ReceiptsQueueUrl', 'RECEIPTS_QUEUE_URL of the API', this.receiptsQueue.queue.queueUrl);
    this.output('SecretArn', 'The secret with the settings of the API', this.apiUser.secret.ref);
    this.output(
      'DeadLetterQueueUrl',
      'Mail that could not be sent and waits for a person',
      this.fallbackQueue.deadLetterQueue.queueUrl,
    );
    this.output('LedgerTableName', 'What was sent to SES', this.ledger.table.tableName);
    this.output('SuppressionTableName', 'Recipients that get no mail', this.suppressionList.table.tableName);
    this.output(
      'ConfigurationSetName',
      'The SES configuration set that mail is resent with',
      this.sendingConfiguration.configurationSet.configurationSetName,
    );
  }

  private output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}

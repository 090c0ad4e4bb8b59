import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { RESEND_BATCH_SIZE, RESEND_ENV, RESEND_TIMEOUT_SECONDS } from '../../lambda/resend/constants.ts';
import type { FallbackQueue } from './fallback-queue.ts';
import type { PayloadBucket } from './payload-bucket.ts';
import type { SendingConfiguration } from './sending-configuration.ts';

/**
 * The largest mail, 40 MB, is in memory as bytes, as base64 in the JSON of the v2 call, and as the bytes of that
 * JSON: five of them in a row took up to 320 MB in all, without reading them from S3. Twice that and more leaves
 * room for the read, and the share of a CPU that comes with the memory shortens what a cold start is billed for.
 */
const MEMORY_MIB = 1024;

export interface ResendFunctionProps {
  readonly functionName: string;

  /** The folder with the bundled handler, `index.mjs` and its chunks. */
  readonly bundle: string;

  /** The queue that the function works. */
  readonly fallbackQueue: FallbackQueue;

  /** Where large content is read from. */
  readonly payloadBucket: PayloadBucket;

  /** How SES sends what the function resends. */
  readonly sendingConfiguration: SendingConfiguration;

  /** The domain that the From of a mail must belong to. */
  readonly fromDomain: string;

  readonly logRetention: RetentionDays;

  /**
   * The most batches that are worked at a time; 2 to 1,000.
   *
   * @default 2, the least that SQS allows
   */
  readonly maximumConcurrency?: number;
}

/**
 * The Lambda that resends through SES what SMTP did not take, fed by the fallback queue.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export class ResendFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly eventSource: EventSourceMapping;

  constructor(scope: Construct, id: string, props: ResendFunctionProps) {
    super(scope, id);
    const { fallbackQueue, payloadBucket, sendingConfiguration } = props;

    this.logGroup = new LogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${props.functionName}`,
      retention: props.logRetention,
      // Left behind, a group of this name would keep the stack from being created again; it holds no mail.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.createRole(props);
    this.function = new LambdaFunction(this, 'Function', {
      functionName: props.functionName,
      description: 'Resends through SES the mail that SMTP did not take',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.bundle),
      handler: 'index.handler',
      role: this.role,
      memorySize: MEMORY_MIB,
      timeout: Duration.seconds(RESEND_TIMEOUT_SECONDS),
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // The line with duration and memory of each invocation is of level INFO.
      systemLogLevelV2: SystemLogLevel.INFO,
      tracing: Tracing.ACTIVE,
      environment: {
        [RESEND_ENV.queueUrl]: fallbackQueue.queue.queueUrl,
        [RESEND_ENV.deadLetterQueueUrl]: fallbackQueue.deadLetterQueue.queueUrl,
        [RESEND_ENV.payloadBucket]: payloadBucket.bucket.bucketName,
        [RESEND_ENV.configurationSet]: sendingConfiguration.configurationSet.configurationSetName,
        [RESEND_ENV.fromDomain]: props.fromDomain,
      },
    });
    this.acknowledgeTracing();

    // SqsEventSource would grant more than the function needs, and grant it out of sight.
    this.eventSource = new EventSourceMapping(this, 'EventSource', {
      target: this.function,
      eventSourceArn: fallbackQueue.queue.queueArn,
      batchSize: RESEND_BATCH_SIZE,
      reportBatchItemFailures: true,
      maxConcurrency: props.maximumConcurrency ?? 2,
    });
  }

  /** Invocations that failed as a whole; a count, summed over five minutes. */
  metricErrors(options?: MetricOptions): Metric {
    return this.function.metricErrors(options);
  }

  /** How long invocations take, in milliseconds; the average over five minutes. */
  metricDuration(options?: MetricOptions): Metric {
    return this.function.metricDuration(options);
  }

  /** Invocations that Lambda had no capacity for; a count, summed over five minutes. */
  metricThrottles(options?: MetricOptions): Metric {
    return this.function.metricThrottles(options);
  }

  /** A role of its own: AWS' managed policy would let the function write into every log group. */
  private createRole(props: ResendFunctionProps): Role {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${props.functionName} may do`,
    });
    this.logGroup.grantWrite(role);
    props.fallbackQueue.grantConsume(role);
    // The recipients that are still to be sent to go back as a narrower envelope.
    props.fallbackQueue.grantSend(role);
    props.fallbackQueue.grantPark(role);
    props.payloadBucket.grantGet(role);
    props.sendingConfiguration.grantSend(role);
    return role;
  }

  private acknowledgeTracing(): void {
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'X-Ray has no resources for xray:PutTraceSegments and xray:PutTelemetryRecords to be limited to.',
    });
  }
}

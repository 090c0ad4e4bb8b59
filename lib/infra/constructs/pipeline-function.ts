import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { QueueWithDeadLetters } from './queues.ts';

/** What the settings of a stage decide for each function. */
export interface DeployedFunctionProps {
  readonly functionName: string;

  /** The folder with the bundled handler, `index.mjs` and its chunks. */
  readonly bundle: string;

  readonly logRetention: RetentionDays;
}

export interface PipelineFunctionProps extends DeployedFunctionProps {
  readonly description: string;
  readonly timeout: Duration;
  readonly memoryMib: number;

  /**
   * Whether the function writes to the queue that feeds it. Lambda treats that as a loop and stops it after 16 rounds,
   * unless the function allows it.
   *
   * @default false
   * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
   */
  readonly feedsItself?: boolean;

  readonly environment: Readonly<Record<string, string>>;
}

/**
 * What all Lambdas have in common: a role and a log group of their own, and JSON logs. No X-Ray: log lines and ledger
 * say more about a mail than a trace, and traces are billed.
 */
export class PipelineFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${props.functionName}`,
      retention: props.logRetention,
      // A group of this name that outlives the stack would block the next create; it contains no mail.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.createRole(props.functionName);
    this.function = new LambdaFunction(this, 'Function', {
      functionName: props.functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.bundle),
      handler: 'index.handler',
      role: this.role,
      memorySize: props.memoryMib,
      timeout: props.timeout,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // The line with duration and memory of each invocation is of level INFO.
      systemLogLevelV2: SystemLogLevel.INFO,
      recursiveLoop: props.feedsItself === true ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
      environment: { ...props.environment },
    });
  }

  /** A role of its own: AWS' managed policy would let the function write into every log group. */
  private createRole(functionName: string): Role {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${functionName} may do`,
    });
    this.logGroup.grantWrite(role);
    return role;
  }
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const MIN_CONCURRENCY = 2;

/** What the settings of a stage decide for a function that a queue feeds. */
export interface FunctionProps extends DeployedFunctionProps {
  /**
   * How many batches are processed at once; 2 to 1,000.
   *
   * @default 2, the minimum of SQS
   */
  readonly maximumConcurrency?: number;
}

export interface QueueFunctionProps extends FunctionProps, PipelineFunctionProps {
  /** The queue that feeds the function, and its dead letter queue. */
  readonly source: QueueWithDeadLetters;

  /**
   * Further queues that feed it, with the same dead letter queue, by the ids of their event sources. Each has two
   * batches at once, the minimum of SQS.
   *
   * @default none
   */
  readonly otherSources?: Readonly<Record<string, QueueWithDeadLetters>>;

  readonly batchSize: number;

  /**
   * How long Lambda gathers messages for a batch.
   *
   * @default - no time
   */
  readonly batchWindow?: Duration;
}

/**
 * A Lambda that a queue feeds, or several.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export class QueueFunction extends PipelineFunction {
  constructor(scope: Construct, id: string, props: QueueFunctionProps) {
    super(scope, id, props);
    props.source.grantDeadLetter(this.role);
    this.consume('EventSource', props.source, props, props.maximumConcurrency);
    for (const [sourceId, source] of Object.entries(props.otherSources ?? {}))
      this.consume(sourceId, source, props);
  }

  private consume(
    id: string,
    source: QueueWithDeadLetters,
    { batchSize, batchWindow }: QueueFunctionProps,
    maximumConcurrency = MIN_CONCURRENCY,
  ): void {
    source.grantConsume(this.role);
    // SqsEventSource would silently grant more than the function needs.
    new EventSourceMapping(this, id, {
      target: this.function,
      eventSourceArn: source.queue.queueArn,
      batchSize,
      ...(batchWindow === undefined ? {} : { maxBatchingWindow: batchWindow }),
      reportBatchItemFailures: true,
      maxConcurrency: maximumConcurrency,
    });
  }
}

import type { Duration } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import {
  type DeployedFunctionProps,
  PipelineFunction,
  type PipelineFunctionProps,
} from './pipeline-function.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';

/** What a stage of the pipeline decides of a function that a queue feeds. */
export interface FunctionProps extends DeployedFunctionProps {
  /**
   * The most batches that are worked at a time; 2 to 1,000.
   *
   * @default 2, the least that SQS allows
   */
  readonly maximumConcurrency?: number;
}

export interface QueueFunctionProps extends FunctionProps, PipelineFunctionProps {
  /** The queue that the function works, and the dead letters that it parks at. */
  readonly source: QueueWithDeadLetters;

  readonly batchSize: number;

  /**
   * How long messages are gathered for a batch.
   *
   * @default - not at all
   */
  readonly batchWindow?: Duration;
}

/**
 * A Lambda that a queue feeds.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export class QueueFunction extends PipelineFunction {
  readonly eventSource: EventSourceMapping;

  constructor(scope: Construct, id: string, props: QueueFunctionProps) {
    super(scope, id, props);
    props.source.grantConsume(this.role);
    props.source.grantPark(this.role);
    // SqsEventSource would grant more than the function needs, and grant it out of sight.
    this.eventSource = new EventSourceMapping(this, 'EventSource', {
      target: this.function,
      eventSourceArn: props.source.queue.queueArn,
      batchSize: props.batchSize,
      ...(props.batchWindow === undefined ? {} : { maxBatchingWindow: props.batchWindow }),
      reportBatchItemFailures: true,
      maxConcurrency: props.maximumConcurrency ?? 2,
    });
  }
}

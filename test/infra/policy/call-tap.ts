import type { AwsRequest } from '../../../lib/emulators/aws/aws-fault.ts';
import { FaultProxy } from '../../../lib/emulators/aws/fault-proxy.ts';
import type { LocalServices } from '../../../lib/emulators/services.ts';
import { MetricSink } from '../../support/metric-sink.ts';

/** A way to the emulated services for one principal alone, on which its calls are written down. */
export class CallTap {
  readonly aws: FaultProxy;
  readonly dynamoDb: FaultProxy;
  readonly cloudWatch: FaultProxy;
  readonly #ses: FaultProxy;
  readonly #metrics: MetricSink;
  readonly #calls: AwsRequest[] = [];

  private constructor(
    aws: FaultProxy,
    dynamoDb: FaultProxy,
    ses: FaultProxy,
    cloudWatch: FaultProxy,
    metrics: MetricSink,
  ) {
    this.aws = aws;
    this.dynamoDb = dynamoDb;
    this.#ses = ses;
    this.cloudWatch = cloudWatch;
    this.#metrics = metrics;
    for (const proxy of [aws, dynamoDb, ses, cloudWatch]) proxy.subscribe((call) => this.#calls.push(call));
  }

  static async open({ aws, dynamoDb, ses }: LocalServices): Promise<CallTap> {
    const metrics = await MetricSink.start();
    return new CallTap(
      await FaultProxy.start(portOf(aws.endpoint)),
      await FaultProxy.start(portOf(dynamoDb.endpoint)),
      await FaultProxy.start(portOf(ses.url)),
      await FaultProxy.start(metrics.port),
      metrics,
    );
  }

  /** In the variables that the SDK reads. */
  get endpoints(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_SQS: this.aws.endpoint,
      AWS_ENDPOINT_URL_S3: this.aws.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: this.dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SES: this.#ses.endpoint,
      AWS_ENDPOINT_URL_SESV2: this.#ses.endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH: this.cloudWatch.endpoint,
    };
  }

  /** A further service, which is not among those of the pipeline. Whoever opens the way closes it. */
  async openTo(endpoint: string): Promise<FaultProxy> {
    const proxy = await FaultProxy.start(portOf(endpoint));
    proxy.subscribe((call) => this.#calls.push(call));
    return proxy;
  }

  /** Resolves when a call like that is made. Rejects with the signal's reason. */
  made(isMeant: (call: AwsRequest) => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      for (const proxy of [this.aws, this.dynamoDb, this.#ses, this.cloudWatch]) {
        proxy.subscribe((call) => {
          if (isMeant(call)) resolve();
        });
      }
    });
  }

  get calls(): readonly AwsRequest[] {
    return this.#calls;
  }

  async close(): Promise<void> {
    await Promise.all([
      this.aws.close(),
      this.dynamoDb.close(),
      this.#ses.close(),
      this.cloudWatch.close(),
      this.#metrics.close(),
    ]);
  }
}

function portOf(endpoint: string): number {
  return Number(new URL(endpoint).port);
}

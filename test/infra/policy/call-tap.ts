import type { AwsRequest } from '../../../lib/local/aws/aws-request.ts';
import { FaultProxy } from '../../../lib/local/aws/fault-proxy.ts';
import type { LocalServices } from '../../../lib/local/local-services.ts';

/** A way to the emulated services for one principal alone, on which its calls are written down. */
export class CallTap {
  readonly aws: FaultProxy;
  readonly dynamoDb: FaultProxy;
  readonly #ses: FaultProxy;
  readonly #calls: AwsRequest[] = [];

  private constructor(aws: FaultProxy, dynamoDb: FaultProxy, ses: FaultProxy) {
    this.aws = aws;
    this.dynamoDb = dynamoDb;
    this.#ses = ses;
    for (const proxy of [aws, dynamoDb, ses]) proxy.subscribe((call) => this.#calls.push(call));
  }

  static async open({ aws, dynamoDb, ses }: LocalServices): Promise<CallTap> {
    return new CallTap(
      await FaultProxy.start(portOf(aws.endpoint)),
      await FaultProxy.start(portOf(dynamoDb.endpoint)),
      await FaultProxy.start(portOf(ses.url)),
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
    };
  }

  get calls(): readonly AwsRequest[] {
    return this.#calls;
  }

  async close(): Promise<void> {
    await Promise.all([this.aws.close(), this.dynamoDb.close(), this.#ses.close()]);
  }
}

function portOf(endpoint: string): number {
  return Number(new URL(endpoint).port);
}

import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SESv2Client } from '@aws-sdk/client-sesv2';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { STSClient } from '@aws-sdk/client-sts';

export interface AwsAccess {
  readonly region: string;
  /** In the shared AWS config files. @default the SDK's default credentials */
  readonly profile?: string | undefined;
  /** True if an environment variable overrides the SQS endpoint. */
  readonly hasOwnSqs: boolean;
  /** Emulators in place of AWS, by service; without it, what the environment and the configuration files say. */
  readonly local?: LocalAws;
}

/** Services on this machine. */
export interface LocalAws {
  readonly endpoints: Readonly<Record<'cloudFormation' | 'sqs' | 's3' | 'dynamoDb' | 'ses', string>>;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Timeout of one attempt; the SDK makes three. */
const TRY_TIMEOUT_MS = 10_000;

/**
 * The AWS clients of the commands. Each is imported on first use, so that `--help` and commands that need
 * none start fast.
 */
export class AwsClients {
  readonly #access: AwsAccess;

  constructor(access: AwsAccess) {
    this.#access = access;
  }

  get region(): string {
    return this.#access.region;
  }

  async cloudFormation(): Promise<CloudFormationClient> {
    const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
    return new CloudFormationClient(this.#config('cloudFormation'));
  }

  async cloudWatch(): Promise<CloudWatchClient> {
    const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
    return new CloudWatchClient(this.#config());
  }

  async dynamoDb(): Promise<DynamoDBClient> {
    const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
    return new DynamoDBClient(this.#config('dynamoDb'));
  }

  async iam(): Promise<IAMClient> {
    const { IAMClient } = await import('@aws-sdk/client-iam');
    return new IAMClient(this.#config());
  }

  async lambda(): Promise<LambdaClient> {
    const { LambdaClient } = await import('@aws-sdk/client-lambda');
    return new LambdaClient(this.#config());
  }

  async s3(): Promise<S3Client> {
    const { S3Client } = await import('@aws-sdk/client-s3');
    // Emulators serve buckets by path, and AWS still accepts path-style requests.
    return new S3Client({ ...this.#config('s3'), forcePathStyle: true });
  }

  async secretsManager(): Promise<SecretsManagerClient> {
    const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    return new SecretsManagerClient(this.#config());
  }

  async ses(): Promise<SESv2Client> {
    const { SESv2Client } = await import('@aws-sdk/client-sesv2');
    return new SESv2Client(this.#config('ses'));
  }

  async sns(): Promise<SNSClient> {
    const { SNSClient } = await import('@aws-sdk/client-sns');
    return new SNSClient(this.#config());
  }

  async sqs(): Promise<SQSClient> {
    const { SQSClient } = await import('@aws-sdk/client-sqs');
    return new SQSClient({ ...this.#config('sqs'), useQueueUrlAsEndpoint: !this.#access.hasOwnSqs });
  }

  async sts(): Promise<STSClient> {
    const { STSClient } = await import('@aws-sdk/client-sts');
    return new STSClient(this.#config());
  }

  #config(service?: keyof LocalAws['endpoints']) {
    const { region, profile, local } = this.#access;
    return {
      region,
      ...(local === undefined || service === undefined
        ? {}
        : { endpoint: local.endpoints[service], credentials: local.credentials }),
      ...(profile === undefined ? {} : { profile }),
      requestHandler: {
        connectionTimeout: 3_000,
        requestTimeout: TRY_TIMEOUT_MS,
        throwOnRequestTimeout: true as const,
      },
    };
  }
}

/** The Region that the AWS configuration files name for the profile; undefined if none. */
export async function profileRegion(profile: string | undefined): Promise<string | undefined> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(profile === undefined ? {} : { profile });
  // Without a Region in it the SDK throws; a profile that does not exist is reported by the first call.
  return client.config.region().catch(() => undefined);
}

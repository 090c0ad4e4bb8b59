import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ApiUser } from './api-user.ts';
import { FallbackQueue } from './fallback-queue.ts';
import { PayloadBucket } from './payload-bucket.ts';
import { ResendFunction } from './resend-function.ts';
import { resourceNames } from './resource-names.ts';
import { SendingConfiguration } from './sending-configuration.ts';
import type { Settings } from './settings.ts';

export interface MailPipelineStackProps extends StackProps {
  readonly settings: Settings;

  /** The folder with the bundled resend Lambda. */
  readonly resendBundle: string;
}

/** One stage of the pipeline, from the queue that the API hands over to up to SES. */
export class MailPipelineStack extends Stack {
  readonly sendingConfiguration: SendingConfiguration;
  readonly fallbackQueue: FallbackQueue;
  readonly payloadBucket: PayloadBucket;
  readonly resendFunction: ResendFunction;
  readonly apiUser: ApiUser;

  constructor(scope: Construct, id: string, { settings, resendBundle, ...props }: MailPipelineStackProps) {
    const isProduction = settings.stage === 'prod';
    super(scope, id, {
      description: `Resends through SES the mail of ${settings.domain} that SMTP did not take (${settings.stage})`,
      terminationProtection: isProduction,
      ...props,
    });
    const names = resourceNames(settings);

    this.sendingConfiguration = new SendingConfiguration(this, 'SendingConfiguration', {
      configurationSetName: names.configurationSet,
      domain: settings.domain,
    });
    this.fallbackQueue = new FallbackQueue(this, 'FallbackQueue', {
      queueName: names.fallbackQueue,
      deadLetterQueueName: names.deadLetterQueue,
    });
    this.payloadBucket = new PayloadBucket(this, 'PayloadBucket', {
      retention: Duration.days(settings.payloadRetentionDays),
      // In dev the bucket goes with its stack, once it is empty.
      removalPolicy: isProduction ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.resendFunction = new ResendFunction(this, 'Resend', {
      functionName: names.resendFunction,
      bundle: resendBundle,
      fallbackQueue: this.fallbackQueue,
      payloadBucket: this.payloadBucket,
      sendingConfiguration: this.sendingConfiguration,
      fromDomain: settings.domain,
      logRetention: settings.logRetentionDays,
      maximumConcurrency: settings.maximumConcurrency,
    });
    this.apiUser = new ApiUser(this, 'ApiUser', {
      userName: names.user,
      secretName: names.secret,
      fallbackQueue: this.fallbackQueue,
      payloadBucket: this.payloadBucket,
      accessKeySerial: settings.accessKeySerial,
    });
    this.outputSettings();
  }

  private outputSettings(): void {
    this.output('FallbackQueueUrl', 'FALLBACK_QUEUE_URL of the API', this.fallbackQueue.queue.queueUrl);
    this.output('PayloadBucketName', 'PAYLOAD_BUCKET of the API', this.payloadBucket.bucket.bucketName);
    this.output('SecretArn', 'The secret with the settings of the API', this.apiUser.secret.secretArn);
    this.output(
      'DeadLetterQueueUrl',
      'Where mail that could not be sent waits for a person',
      this.fallbackQueue.deadLetterQueue.queueUrl,
    );
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

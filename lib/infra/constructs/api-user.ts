import { Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement, User } from 'aws-cdk-lib/aws-iam';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { PayloadBucket } from './payload-bucket.ts';
import type { FallbackQueue, ReceiptsQueue } from './queues.ts';

export interface ApiUserProps {
  readonly userName: string;
  readonly secretName: string;

  /** The queues that the API's worker hands over to: normal and urgent mail. */
  readonly fallbackQueue: FallbackQueue;
  readonly urgentQueue: FallbackQueue;

  /** Where the worker puts content that is too large for a message. */
  readonly payloadBucket: PayloadBucket;

  /** Where the worker reads the status of what it handed over. */
  readonly receiptsQueue: ReceiptsQueue;

  /**
   * The only IP addresses and ranges from which the key works.
   *
   * @default - from anywhere
   */
  readonly allowedSourceAddresses?: readonly string[];

  /**
   * The namespace that the worker may publish its metrics to.
   *
   * @default none
   */
  readonly workerMetricNamespace?: string;
}

/**
 * The IAM user of the API's worker, which runs outside AWS and so needs a key. `mailctl rotate` makes the key and
 * writes it to the secret: CloudFormation has no overlap of two keys, and would write an old one back with the next
 * change of the secret.
 *
 * The user can hand over mail, read receipts, publish the worker's metrics if the settings say so, and nothing else. A
 * leaked key cannot call SES, and neither read nor change what was handed over; but what it puts into the queue is
 * sent, in the name of the domain, until the key is deleted. The source addresses and the alarm unusual-volume limit
 * that.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
 */
export class ApiUser extends Construct {
  readonly user: User;
  /** Without a value until `mailctl rotate` has run. */
  readonly secret: CfnSecret;

  constructor(scope: Construct, id: string, props: ApiUserProps) {
    super(scope, id);
    this.user = new User(this, 'User', { userName: props.userName });
    props.fallbackQueue.grantSend(this.user);
    props.urgentQueue.grantSend(this.user);
    props.payloadBucket.grantPut(this.user);
    props.receiptsQueue.grantRead(this.user);
    if (props.workerMetricNamespace !== undefined) this.allowMetrics(props.workerMetricNamespace);
    const { allowedSourceAddresses = [] } = props;
    if (allowedSourceAddresses.length > 0) this.denyElsewhere(allowedSourceAddresses);

    this.secret = new CfnSecret(this, 'Secret', {
      name: props.secretName,
      description: `The access key of ${props.userName} and where it hands mail over; mailctl rotate writes it`,
    });
    Validations.of(this.secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'The API runs outside AWS: mailctl rotate replaces the key, with an overlap until the new one is in use.',
    });
  }

  /** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-ip.html */
  private denyElsewhere(addresses: readonly string[]): void {
    this.user.addToPolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        actions: ['*'],
        resources: ['*'],
        conditions: { NotIpAddress: { 'aws:SourceIp': [...addresses] } },
      }),
    );
  }

  /** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html */
  private allowMetrics(namespace: string): void {
    this.user.addToPolicy(
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
      }),
    );
    Validations.of(this.user).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'IAM knows no resource to limit cloudwatch:PutMetricData to; the condition limits it to one namespace, which ' +
        'only the alarms of the worker read.',
    });
  }
}

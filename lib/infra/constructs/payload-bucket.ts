import { Duration, type RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct, type IConstruct } from 'constructs';
import { PAYLOAD_PREFIX } from '../../domain/limits.ts';

export interface PayloadBucketProps {
  /** How long content is kept before it expires, in whole days as S3 counts them. */
  readonly retention: Duration;

  /** Whether the bucket, and the mail in it, is deleted with its stack. */
  readonly removalPolicy: RemovalPolicy;
}

/**
 * Holds the content that is too large for an SQS message until it was sent or has expired.
 *
 * CloudFormation names the bucket: bucket names are unique world-wide, and the API reads it from the secret.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
 */
export class PayloadBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: PayloadBucketProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // An old version would keep a body longer than promised.
      versioned: false,
      lifecycleRules: [
        { id: 'expire-payloads', expiration: props.retention },
        { id: 'abort-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      removalPolicy: props.removalPolicy,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'One user writes and one role reads here, each with one action under one prefix, and objects expire within ' +
        'days. An access log would be a second bucket of metadata about mail that outlives the mail.',
    });
  }

  /**
   * Allows adding content under a new key, and neither overwriting, reading, listing nor deleting any.
   *
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
   */
  grantPut(grantee: IGrantable & IConstruct): Grant {
    return this.grantObjects(grantee, 's3:PutObject', { Null: { 's3:if-none-match': 'false' } });
  }

  /**
   * Allows reading content and seeing that it has expired: without the permission to list, S3 reports a missing key as
   * "denied".
   *
   * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
   */
  grantGet(grantee: IGrantable & IConstruct): Grant {
    const list = Grant.addToPrincipal({
      grantee,
      actions: ['s3:ListBucket'],
      resourceArns: [this.bucket.bucketArn],
    });
    return list.combine(this.grantObjects(grantee, 's3:GetObject'));
  }

  private grantObjects(
    grantee: IGrantable & IConstruct,
    action: string,
    conditions: Record<string, Record<string, unknown>> = {},
  ): Grant {
    const pattern = `${PAYLOAD_PREFIX}*`;
    Validations.of(grantee).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${this.logicalId}.Arn>/${pattern}]`,
      reason: `The keys of payloads are not known in advance; the wildcard covers only ${PAYLOAD_PREFIX}.`,
    });
    return Grant.addToPrincipal({
      grantee,
      actions: [action],
      resourceArns: [this.bucket.arnForObjects(pattern)],
      conditions,
    });
  }

  /** The name of the bucket in findings of cdk-nag. */
  private get logicalId(): string {
    const { defaultChild } = this.bucket.node;
    if (!(defaultChild instanceof CfnBucket)) throw new TypeError('a Bucket always holds a CfnBucket');
    return Stack.of(this).getLogicalId(defaultChild);
  }
}

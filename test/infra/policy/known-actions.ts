import * as cloudformation from '@aws-sdk/client-cloudformation';
import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as iam from '@aws-sdk/client-iam';
import * as lambda from '@aws-sdk/client-lambda';
import * as s3 from '@aws-sdk/client-s3';
import * as secretsmanager from '@aws-sdk/client-secrets-manager';
import * as sesV1 from '@aws-sdk/client-ses';
import * as sesV2 from '@aws-sdk/client-sesv2';
import * as sns from '@aws-sdk/client-sns';
import * as sqs from '@aws-sdk/client-sqs';
import * as sts from '@aws-sdk/client-sts';

const CLIENTS: readonly (readonly [string, object])[] = [
  ['cloudformation', cloudformation],
  ['cloudwatch', cloudwatch],
  ['dynamodb', dynamodb],
  ['iam', iam],
  ['lambda', lambda],
  ['s3', s3],
  ['secretsmanager', secretsmanager],
  ['ses', sesV1],
  ['ses', sesV2],
  ['sns', sns],
  ['sqs', sqs],
  ['sts', sts],
];

/** Of services that no client is here for, and where S3 calls an action otherwise than its call. */
const OTHERS = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:PutKeyPolicy',
  'kms:ScheduleKeyDeletion',
  'logs:CreateLogGroup',
  'logs:CreateLogStream',
  'logs:DeleteLogGroup',
  'logs:FilterLogEvents',
  'logs:GetLogEvents',
  'logs:PutLogEvents',
  'logs:PutRetentionPolicy',
  's3:DeleteObjectVersion',
  's3:GetObjectVersion',
  's3:ListAllMyBuckets',
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:PutLifecycleConfiguration',
  'xray:GetTraceSummaries',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
];

/** Every call that the SDK can make of these services, by the name that IAM mostly gives it. */
export function knownActions(): string[] {
  const calls = CLIENTS.flatMap(([service, client]) =>
    Object.keys(client)
      .filter((name) => /^\w+Command$/.test(name))
      .map((name) => `${service}:${name.slice(0, -'Command'.length)}`),
  );
  return [...new Set([...calls, ...OTHERS])];
}

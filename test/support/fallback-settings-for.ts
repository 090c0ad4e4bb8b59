import type { SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { MailerSettings } from '../../lib/mailer/settings.ts';

/** The fallback of a mailer that hands over to the emulated SQS and S3. */
export function fallbackSettingsFor(aws: SqsAndS3): MailerSettings['fallback'] {
  return {
    queueUrl: aws.fallback.url,
    payloadBucket: aws.bucket,
    ...aws.credentials,
    sqsEndpoint: aws.endpoint,
    s3Endpoint: aws.endpoint,
  };
}

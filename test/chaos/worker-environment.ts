import type { SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { SmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';

export interface WorkerPeers {
  readonly databaseUrl: string;
  readonly smtp: Pick<SmtpDouble, 'host' | 'port' | 'certificatePem'>;
  readonly aws: Pick<SqsAndS3, 'fallback' | 'urgent' | 'bucket' | 'credentials' | 'endpoint'>;
}

/** The settings of a worker that meets failures: it finds out soon, and probes soon. */
export function workerEnvironment({ databaseUrl, smtp, aws }: WorkerPeers): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_TLS_CA: smtp.certificatePem,
    SMTP_CONNECT_TIMEOUT_MS: '1000',
    SMTP_GREETING_TIMEOUT_MS: '1000',
    SMTP_BREAKER_PROBE_INTERVAL_MS: '500',
    FALLBACK_QUEUE_URL: aws.fallback.url,
    FALLBACK_URGENT_QUEUE_URL: aws.urgent.url,
    PAYLOAD_BUCKET: aws.bucket,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    OUTBOUND_POLL_INTERVAL_MS: '500',
  };
}

import { S3Client } from '@aws-sdk/client-s3';
import { awsClientOptions, withoutNodeWarning } from '../adapters/aws-client.ts';
import { S3PayloadStore } from '../adapters/s3/s3-payload-store.ts';
import { SmtpPoolRoute } from '../adapters/smtp/smtp-pool-route.ts';
import { openSqsClient } from '../adapters/sqs/sqs-client.ts';
import { SqsFallbackQueue } from '../adapters/sqs/sqs-fallback-queue.ts';
import type { Failure } from '../domain/failure.ts';
import { type Log, silentLog, systemClock } from '../ports/runtime.ts';
import type { SmtpRoute } from '../ports/senders.ts';
import { type BreakerState, CircuitBreakerRoute } from './circuit-breaker.ts';
import { FallbackMailer, type ForeignSender, type Mailer } from './mailer.ts';
import {
  type CompleteMailerSettings,
  type CompleteSmtpSettings,
  type MailerSettings,
  parseMailerSettings,
} from './settings.ts';

/**
 * Total time for one call, including the SDK's retries and the whole response: a mail that SMTP did not
 * accept gets an outcome even if AWS stops responding. A payload may have 40 MB.
 */
const QUEUE_TIMEOUT_MS = 20_000;
const PAYLOAD_TIMEOUT_MS = 60_000;

export interface MailerOptions {
  /** Logs the status of each mail. @default none */
  readonly log?: Log | undefined;
  /** Called when the mail server is found down, and when it is back. */
  readonly onSmtpState?: ((state: BreakerState) => void) | undefined;
  /** Called for each mail that the fallback would refuse, since its sender is not of `fallback.domain`. */
  readonly onForeignSender?: ((mail: ForeignSender) => void) | undefined;
}

/**
 * The mailer over a real SMTP server, SQS and S3.
 *
 * @throws {@link SettingsError} that lists every wrong setting
 */
export function createMailer(settings: MailerSettings, options: MailerOptions = {}): Mailer {
  return openMailer(settings, options);
}

/** The mailer with the internal calls that the nodemailer transport needs. */
export function openMailer(settings: MailerSettings, options: MailerOptions = {}): FallbackMailer {
  return openMailerOf(parseMailerSettings(settings), options);
}

/** The settings of a mailer that were checked as a whole; without `smtp` there is no mail server, and none is tried. */
export type OpenMailerSettings = Omit<CompleteMailerSettings, 'smtp'> & {
  readonly smtp?: CompleteSmtpSettings | undefined;
};

export function openMailerOf(complete: OpenMailerSettings, options: MailerOptions = {}): FallbackMailer {
  const log = options.log ?? silentLog;
  return new FallbackMailer({
    smtp: smtpRoute(complete.smtp, log, options),
    queue: fallbackQueue(complete),
    payloads: new S3PayloadStore(s3Client(complete), complete.fallback.payloadBucket, PAYLOAD_TIMEOUT_MS),
    onUnknown: complete.onUnknown,
    idKeys: complete.idKeys ?? [],
    timeToLiveMs: complete.timeToLiveMs,
    domain: complete.fallback.domain,
    onForeignSender: options.onForeignSender ?? (() => {}),
    clock: systemClock,
    log,
  });
}

function smtpRoute(
  smtp: CompleteSmtpSettings | undefined,
  log: Log,
  { onSmtpState }: MailerOptions,
): CircuitBreakerRoute {
  const breaker = smtp ?? { breakerFailures: 1, breakerProbeIntervalMs: 60_000 };
  return new CircuitBreakerRoute(smtp === undefined ? NO_SMTP : new SmtpPoolRoute(smtp), {
    breakerFailures: breaker.breakerFailures,
    breakerProbeIntervalMs: breaker.breakerProbeIntervalMs,
    clock: systemClock,
    random: Math.random,
    onChange: (state, failure) => {
      if (state === 'open')
        log.error('smtp-down', { host: smtp?.host, failureClass: failure?.class, code: failure?.code });
      else log.info('smtp-back', { host: smtp?.host });
      onSmtpState?.(state);
    },
  });
}

/** Behind a mail server there is none to try: what comes is handed over. */
const NO_SMTP: SmtpRoute = {
  send: async ({ to }) => ({ kind: 'failed', failure: noSmtp(), failed: to, refused: [] }),
  verify: async () => noSmtp(),
  close: async () => {},
};

function noSmtp(): Failure {
  return { class: 'undelivered', phase: 'queue', at: systemClock.now().toISOString() };
}

function fallbackQueue({ fallback }: Pick<CompleteMailerSettings, 'fallback'>): SqsFallbackQueue {
  const { sqsEndpoint: endpoint, queueUrl, urgentQueueUrl, ...connection } = fallback;
  const sqs = openSqsClient({ ...connection, endpoint, tryTimeoutMs: QUEUE_TIMEOUT_MS / 2 });
  return new SqsFallbackQueue(sqs, queueUrl, QUEUE_TIMEOUT_MS, urgentQueueUrl);
}

/** Emulators serve buckets by path, not by host name. */
function s3Client({
  fallback: { s3Endpoint: endpoint, ...connection },
}: Pick<CompleteMailerSettings, 'fallback'>): S3Client {
  const options = {
    ...awsClientOptions({ ...connection, endpoint, tryTimeoutMs: PAYLOAD_TIMEOUT_MS / 2 }),
    forcePathStyle: endpoint !== undefined,
  };
  return withoutNodeWarning(() => new S3Client(options));
}

import * as v from 'valibot';
import {
  type Environment,
  listSettings,
  parseSettings,
  readEnvironment,
  setting,
  settingsOf,
} from '../common/config.ts';
import { flag, integer, matching, oneOf, port, region, text, url } from '../common/schemas.ts';
import { DAY_MS } from '../common/time.ts';

/** A Node timer that is set to more fires at once. */
const timer = integer(1, 2 ** 31 - 1);

/** More than any mail server can handle. */
const count = integer(1, 10_000);

const lifetime = integer(1, 365 * DAY_MS);

const bucketName = matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of an S3 bucket');

const smtpSchema = v.pipe(
  v.object({
    host: setting(text, { variable: 'SMTP_HOST', description: 'your own mail server' }),
    port: setting(v.optional(port, 587), {
      variable: 'SMTP_PORT',
      description: 'its port; 465 switches `smtp.secure` on',
    }),
    secure: setting(v.optional(flag), {
      variable: 'SMTP_SECURE',
      description:
        'TLS from the first byte, by default on port 465 only; otherwise STARTTLS if the server offers it',
    }),
    requireTls: setting(v.optional(flag, false), {
      variable: 'SMTP_REQUIRE_TLS',
      description: 'send nothing without STARTTLS',
    }),
    user: setting(v.optional(text), {
      variable: 'SMTP_USER',
      description: 'needed with `smtp.password`',
      neededWith: 'password',
    }),
    password: setting(v.optional(text), {
      variable: 'SMTP_PASSWORD',
      description: 'needed with `smtp.user`',
      secret: true,
      neededWith: 'user',
    }),
    tlsRejectUnauthorized: setting(v.optional(flag, true), {
      variable: 'SMTP_TLS_REJECT_UNAUTHORIZED',
      description: 'false trusts any certificate',
    }),
    tlsCa: setting(v.optional(text), {
      variable: 'SMTP_TLS_CA',
      description: "certificates to trust in place of the system's, as PEM text",
    }),
    connectTimeoutMs: setting(v.optional(timer, 5_000), {
      variable: 'SMTP_CONNECT_TIMEOUT_MS',
      description: 'from the DNS lookup to the end of the TLS handshake',
    }),
    greetingTimeoutMs: setting(v.optional(timer, 5_000), {
      variable: 'SMTP_GREETING_TIMEOUT_MS',
      description: 'wait for the greeting, within the time above',
    }),
    socketTimeoutMs: setting(v.optional(timer, 30_000), {
      variable: 'SMTP_SOCKET_TIMEOUT_MS',
      description: 'a socket that is idle for this long is closed',
    }),
    sendTimeoutMs: setting(v.optional(timer, 120_000), {
      variable: 'SMTP_SEND_TIMEOUT_MS',
      description: 'the whole send, including the wait for a free connection',
    }),
    maxConnections: setting(v.optional(count, 5), {
      variable: 'SMTP_MAX_CONNECTIONS',
      description: 'size of the connection pool',
    }),
    breakerFailures: setting(v.optional(count, 3), {
      variable: 'SMTP_BREAKER_FAILURES',
      description:
        'connection failures in a row that open the circuit breaker; mails then go straight to the queue',
    }),
    breakerProbeIntervalMs: setting(v.optional(timer, 5_000), {
      variable: 'SMTP_BREAKER_PROBE_INTERVAL_MS',
      description:
        'first interval at which a probe without a mail checks a server that is down; it grows while the server keeps failing',
    }),
  }),
  v.transform((smtp) => ({ ...smtp, secure: smtp.secure ?? smtp.port === 465 })),
);

const fallbackSchema = v.object({
  queueUrl: setting(url, {
    variable: 'FALLBACK_QUEUE_URL',
    description: 'the fallback queue; an output of the pipeline stack',
  }),
  payloadBucket: setting(bucketName, {
    variable: 'PAYLOAD_BUCKET',
    description: 'the bucket for large content; an output of the pipeline stack',
  }),
  region: setting(v.optional(region, 'eu-west-1'), {
    variable: 'AWS_SES_REGION',
    description: 'the Region of queue and bucket',
  }),
  accessKeyId: setting(v.optional(text), {
    variable: 'AWS_SES_ACCESS_KEY',
    description:
      'access key of the IAM user `keybuzz-ses`; by default the credential chain of the AWS SDK; needed with `fallback.secretAccessKey`',
    secret: true,
    neededWith: 'secretAccessKey',
  }),
  secretAccessKey: setting(v.optional(text), {
    variable: 'AWS_SES_SECRET_KEY',
    description: 'its secret; needed with `fallback.accessKeyId`',
    secret: true,
    neededWith: 'accessKeyId',
  }),
  sqsEndpoint: setting(v.optional(url), {
    variable: 'AWS_ENDPOINT_URL_SQS',
    description: "an emulator or a VPC endpoint in place of AWS's own",
  }),
  s3Endpoint: setting(v.optional(url), {
    variable: 'AWS_ENDPOINT_URL_S3',
    description: 'likewise for S3',
  }),
});

export const mailerSettingsSchema = v.object({
  smtp: smtpSchema,
  fallback: fallbackSchema,
  onUnknown: setting(v.optional(oneOf(['hand-over', 'hold']), 'hand-over'), {
    variable: 'MAIL_ON_UNKNOWN',
    description:
      'what to do with a mail that SMTP may have accepted: `hand-over` risks a duplicate, `hold` leaves the mail to you',
  }),
  timeToLiveMs: setting(v.optional(lifetime, 4 * DAY_MS), {
    variable: 'MAIL_TIME_TO_LIVE_MS',
    description: 'after this time a mail without its own `expiresAt` expires',
  }),
});

/** What the API developer sets; docs/settings.md has the table. */
export type MailerSettings = v.InferInput<typeof mailerSettingsSchema>;

/** The settings with all defaults applied. */
export type CompleteMailerSettings = v.InferOutput<typeof mailerSettingsSchema>;

export const MAILER_SETTINGS = listSettings(mailerSettingsSchema);

/** @throws {@link SettingsError} that lists every error at once */
export function parseMailerSettings(settings: unknown): CompleteMailerSettings {
  return settingsOf(parseSettings(mailerSettingsSchema, settings));
}

/**
 * Reads the settings from environment variables; an empty variable counts as not set.
 *
 * @throws {@link SettingsError} that lists every error at once
 */
export function readMailerSettings(env: Environment): CompleteMailerSettings {
  return settingsOf(readEnvironment(mailerSettingsSchema, env));
}

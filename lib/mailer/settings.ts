import * as v from 'valibot';
import {
  type Environment,
  listSettings,
  parseSettings,
  readOwnEnvironment,
  setting,
  settingsOf,
} from '../common/config.ts';
import { MAILCTL_VARIABLES } from '../common/names.ts';
import {
  allowed,
  domainName,
  flag,
  integer,
  matching,
  oneOf,
  port,
  region,
  text,
  url,
} from '../common/schemas.ts';
import { DAY_MS } from '../common/time.ts';

/** A Node timer that is set to more fires at once. */
const timer = integer(1, 2 ** 31 - 1);

/** More than any mail server can handle. */
const count = integer(1, 10_000);

const lifetime = integer(1, 365 * DAY_MS);

const bucketName = matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of an S3 bucket');

const HOST_NAME = /^(?=.{1,254}$)[\p{L}\p{N}_-]{1,63}(\.[\p{L}\p{N}_-]{1,63})*\.?$/u;

/** A file of a secret ends in a line feed, and an IPv6 address stands in brackets where a port may follow. */
export const smtpHostSchema = v.pipe(
  v.string(),
  v.trim(),
  v.transform((host) => /^\[([\da-f:.]+)\]$/i.exec(host)?.[1] ?? host),
  v.union([v.pipe(v.string(), v.regex(HOST_NAME)), v.pipe(v.string(), v.ipv6())]),
  allowed(
    'a host name such as mail-core, or an IP address, without smtp:// and port; the port goes to SMTP_PORT',
  ),
);

/**
 * The entries of an SMTP server's settings but for its host.
 *
 * @param prefix of the variables
 */
const smtpEntries = <const Prefix extends string>(prefix: Prefix) => ({
  port: setting(v.optional(port, 587), {
    variable: `${prefix}PORT`,
    description: 'its port; 465 switches `smtp.secure` on',
  }),
  secure: setting(v.optional(flag), {
    variable: `${prefix}SECURE`,
    description:
      'TLS from the first byte, by default on port 465 only; otherwise STARTTLS if the server offers it',
  }),
  requireTls: setting(v.optional(flag, false), {
    variable: `${prefix}REQUIRE_TLS`,
    description: 'send nothing without STARTTLS',
  }),
  user: setting(v.optional(text), {
    variable: `${prefix}USER`,
    description: 'needed with `smtp.password`',
    neededWith: 'password',
  }),
  password: setting(v.optional(text), {
    variable: `${prefix}PASSWORD`,
    description: 'needed with `smtp.user`',
    secret: true,
    neededWith: 'user',
  }),
  tlsRejectUnauthorized: setting(v.optional(flag, true), {
    variable: `${prefix}TLS_REJECT_UNAUTHORIZED`,
    description: 'false trusts any certificate',
  }),
  tlsCa: setting(v.optional(text), {
    variable: `${prefix}TLS_CA`,
    description: "certificates to trust in place of the system's, as PEM text",
  }),
  connectTimeoutMs: setting(v.optional(timer, 5_000), {
    variable: `${prefix}CONNECT_TIMEOUT_MS`,
    description: 'from the DNS lookup to the end of the TLS handshake',
  }),
  greetingTimeoutMs: setting(v.optional(timer, 5_000), {
    variable: `${prefix}GREETING_TIMEOUT_MS`,
    description: 'wait for the greeting, within the time above',
  }),
  socketTimeoutMs: setting(v.optional(timer, 30_000), {
    variable: `${prefix}SOCKET_TIMEOUT_MS`,
    description: 'a socket that is idle for this long is closed',
  }),
  sendTimeoutMs: setting(v.optional(timer, 120_000), {
    variable: `${prefix}SEND_TIMEOUT_MS`,
    description: 'the whole send, including the wait for a free connection',
  }),
  maxConnections: setting(v.optional(count, 5), {
    variable: `${prefix}MAX_CONNECTIONS`,
    description: 'size of the connection pool',
  }),
  breakerFailures: setting(v.optional(count, 3), {
    variable: `${prefix}BREAKER_FAILURES`,
    description:
      'connection failures in a row that open the circuit breaker; mails then go straight to the queue',
  }),
  breakerProbeIntervalMs: setting(v.optional(timer, 5_000), {
    variable: `${prefix}BREAKER_PROBE_INTERVAL_MS`,
    description:
      'first interval at which a probe without a mail checks a server that is down; it grows while the server keeps failing',
  }),
});

const withSecure = <Smtp extends { readonly secure?: boolean | undefined; readonly port: number }>(
  smtp: Smtp,
) => ({ ...smtp, secure: smtp.secure ?? smtp.port === 465 });

const smtpSchema = v.pipe(
  v.object({
    host: setting(smtpHostSchema, { variable: 'SMTP_HOST', description: 'your own mail server' }),
    ...smtpEntries('SMTP_'),
  }),
  v.transform(withSecure),
);

/** The mail server in front of which a relay stands; without its host, there is none. */
export const upstreamSchema = v.pipe(
  v.object({
    host: setting(v.exactOptional(smtpHostSchema), {
      variable: 'RELAY_UPSTREAM_HOST',
      description: 'the mail server that each mail is offered to; without it, each is handed over at once',
    }),
    ...smtpEntries('RELAY_UPSTREAM_'),
  }),
  v.transform(withSecure),
);

/** The Region in the URL of a queue of AWS; undefined for an emulator's. */
function regionOfQueue(queueUrl: string): string | undefined {
  const region = '([a-z]{2}(?:-[a-z]+)+-\\d)';
  const hosts = [
    `(?:[\\w-]+\\.)?sqs(?:-fips)?\\.${region}\\.(?:vpce\\.)?(?:amazonaws\\.com(?:\\.cn)?|api\\.aws)`,
    `${region}\\.queue\\.amazonaws\\.com(?:\\.cn)?`,
  ];
  const found = new RegExp(`^https?://(?:${hosts.join('|')})(?:[:/]|$)`).exec(queueUrl);
  return found?.[1] ?? found?.[2];
}

/** Otherwise only the first outage would show that the calls are signed for a Region that has no such queue. */
export function isInRegion(queueUrl: string | undefined, region: string): boolean {
  return queueUrl === undefined || [undefined, region].includes(regionOfQueue(queueUrl));
}

/** What is wrong if {@link isInRegion} says no. */
export function otherRegion(queueUrl: string | undefined, region: string): string {
  const actual = regionOfQueue(queueUrl ?? '');
  return `the queue is in ${actual}, but fallback.region (AWS_SES_REGION) is ${region}; set both to the same Region`;
}

const fallbackEntries = {
  queueUrl: setting(url, {
    variable: 'FALLBACK_QUEUE_URL',
    description: 'the fallback queue; an output of the pipeline stack',
  }),
  urgentQueueUrl: setting(v.optional(url), {
    variable: 'FALLBACK_URGENT_QUEUE_URL',
    description:
      'the queue of urgent mail, an output of the pipeline stack; without it urgent mail waits in the fallback queue behind all other',
  }),
  payloadBucket: setting(bucketName, {
    variable: 'PAYLOAD_BUCKET',
    description: 'the bucket for large content; an output of the pipeline stack',
  }),
  region: setting(v.optional(region, 'eu-west-1'), {
    variable: 'AWS_SES_REGION',
    description: 'the Region of queue and bucket',
  }),
  domain: setting(v.optional(domainName), {
    variable: 'MAIL_DOMAIN',
    description:
      'the domain that SES sends for, as in the secret that `mailctl rotate` writes; a mail from another one, which the fallback would refuse, is logged and counted while SMTP still takes it',
  }),
  accessKeyId: setting(v.optional(text), {
    variable: 'AWS_SES_ACCESS_KEY',
    description:
      'access key of the IAM user that the pipeline made for the API; by default the credential chain of the AWS SDK; needed with `fallback.secretAccessKey`',
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
    isConvention: true,
  }),
  s3Endpoint: setting(v.optional(url), {
    variable: 'AWS_ENDPOINT_URL_S3',
    description: 'likewise for S3',
    isConvention: true,
  }),
};

const fallbackSchema = v.pipe(
  v.object(fallbackEntries),
  v.forward(
    v.partialCheck(
      [['queueUrl'], ['region']],
      ({ queueUrl, region }) => isInRegion(queueUrl, region),
      ({ input: { queueUrl, region } }) => otherRegion(queueUrl, region),
    ),
    ['queueUrl'],
  ),
  v.forward(
    v.partialCheck(
      [['urgentQueueUrl'], ['region']],
      ({ urgentQueueUrl, region }) => isInRegion(urgentQueueUrl, region),
      ({ input: { urgentQueueUrl, region } }) => otherRegion(urgentQueueUrl, region),
    ),
    ['urgentQueueUrl'],
  ),
);

/** The fallback of a relay: it refuses mail from other domains, and so must know its own. */
export const relayFallbackSchema = v.pipe(
  v.object({
    ...fallbackEntries,
    domain: setting(domainName, {
      variable: 'MAIL_DOMAIN',
      description: 'the domain that SES sends for; mail from any other is refused',
    }),
  }),
  v.forward(
    v.partialCheck(
      [['queueUrl'], ['region']],
      ({ queueUrl, region }) => isInRegion(queueUrl, region),
      ({ input: { queueUrl, region } }) => otherRegion(queueUrl, region),
    ),
    ['queueUrl'],
  ),
  v.forward(
    v.partialCheck(
      [['urgentQueueUrl'], ['region']],
      ({ urgentQueueUrl, region }) => isInRegion(urgentQueueUrl, region),
      ({ input: { urgentQueueUrl, region } }) => otherRegion(urgentQueueUrl, region),
    ),
    ['urgentQueueUrl'],
  ),
);

/** Long enough that it cannot be guessed. */
const idKeySchema = v.pipe(
  v.array(v.pipe(v.string(), v.trim(), v.minLength(32))),
  v.minLength(1),
  allowed('at least 32 characters, such as of `openssl rand -hex 32`; several with a comma between'),
);

/** What the mails that a mail server passes on are known by. */
export const idKeySetting = setting(v.exactOptional(idKeySchema), {
  variable: 'MAIL_ID_KEY',
  description:
    'signs the delivery id in a header for SMTP, so that the relay behind the mail server knows the mail; the same for worker, API and relay. The first of several signs, all are known',
  secret: true,
});

export const timeToLiveSetting = setting(v.optional(lifetime, 4 * DAY_MS), {
  variable: 'MAIL_TIME_TO_LIVE_MS',
  description: 'after this time a mail without its own `expiresAt` expires',
});

export const mailerSettingsSchema = v.object({
  smtp: smtpSchema,
  fallback: fallbackSchema,
  onUnknown: setting(v.optional(oneOf(['hand-over', 'hold']), 'hand-over'), {
    variable: 'MAIL_ON_UNKNOWN',
    description:
      'what to do with a mail that SMTP may have accepted: `hand-over` risks a duplicate, `hold` leaves the mail to you',
  }),
  timeToLiveMs: timeToLiveSetting,
  idKeys: idKeySetting,
});

/** What the API developer sets; docs/settings.md has the table. */
export type MailerSettings = v.InferInput<typeof mailerSettingsSchema>;

/** The settings with all defaults applied. */
export type CompleteMailerSettings = v.InferOutput<typeof mailerSettingsSchema>;

export type CompleteSmtpSettings = CompleteMailerSettings['smtp'];

export const MAILER_SETTINGS = listSettings(mailerSettingsSchema);

/** @throws {@link SettingsError} that lists every error at once */
export function parseMailerSettings(settings: unknown): CompleteMailerSettings {
  return settingsOf(parseSettings(mailerSettingsSchema, settings));
}

/**
 * Reads the settings from environment variables; an empty variable counts as not set, and an unknown one that begins
 * like these is wrong.
 *
 * @throws {@link SettingsError} that lists every error at once
 */
export function readMailerSettings(env: Environment): CompleteMailerSettings {
  return settingsOf(readOwnEnvironment(mailerSettingsSchema, env, Object.values(MAILCTL_VARIABLES)));
}

import * as v from 'valibot';
import { wholeNumber } from '../common/config.ts';
import { DAY_MS } from '../common/time.ts';

const text = v.pipe(v.string(), v.nonEmpty('not empty'));
const url = v.pipe(v.string(), v.url('a URL'));
const flag = (fallback: boolean) => v.optional(v.boolean('true or false'), fallback);

/** A timer of Node that is set for longer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const timer = (fallback: number) => v.optional(wholeNumber(1, MAX_TIMER_MS), fallback);

/** More is a slip of the keyboard, and not what a mail server bears. */
const count = (fallback: number) => v.optional(wholeNumber(1, 10_000), fallback);
const MAX_LIFETIME_MS = 365 * DAY_MS;
const port = v.pipe(
  v.number('a port, 1 to 65535'),
  v.integer('a port, 1 to 65535'),
  v.minValue(1, 'a port, 1 to 65535'),
  v.maxValue(65_535, 'a port, 1 to 65535'),
);

const smtpSchema = v.pipe(
  v.object({
    host: text,
    port: v.optional(port, 587),
    secure: v.optional(v.boolean('true or false')),
    requireTls: flag(false),
    user: v.optional(text),
    password: v.optional(text),
    tlsRejectUnauthorized: flag(true),
    tlsCa: v.optional(text),
    connectTimeoutMs: timer(5_000),
    greetingTimeoutMs: timer(5_000),
    socketTimeoutMs: timer(30_000),
    sendTimeoutMs: timer(120_000),
    maxConnections: count(5),
    breakerFailures: count(3),
    breakerProbeIntervalMs: timer(5_000),
  }),
  // A partial check is made also where the settings beside these two are wrong.
  v.forward(
    v.partialCheck(
      [['user'], ['password']],
      ({ user, password }) => user === undefined || password !== undefined,
      'it is needed with smtp.user',
    ),
    ['password'],
  ),
  v.forward(
    v.partialCheck(
      [['user'], ['password']],
      ({ user, password }) => password === undefined || user !== undefined,
      'it is needed with smtp.password',
    ),
    ['user'],
  ),
  v.transform((smtp) => ({ ...smtp, secure: smtp.secure ?? smtp.port === 465 })),
);

const fallbackSchema = v.pipe(
  v.object({
    queueUrl: url,
    payloadBucket: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket')),
    region: v.optional(
      v.pipe(v.string(), v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a Region such as eu-west-1')),
      'eu-west-1',
    ),
    accessKeyId: v.optional(text),
    secretAccessKey: v.optional(text),
    sqsEndpoint: v.optional(url),
    s3Endpoint: v.optional(url),
  }),
  v.forward(
    v.partialCheck(
      [['accessKeyId'], ['secretAccessKey']],
      ({ accessKeyId, secretAccessKey }) => accessKeyId === undefined || secretAccessKey !== undefined,
      'it is needed with fallback.accessKeyId',
    ),
    ['secretAccessKey'],
  ),
  v.forward(
    v.partialCheck(
      [['accessKeyId'], ['secretAccessKey']],
      ({ accessKeyId, secretAccessKey }) => secretAccessKey === undefined || accessKeyId !== undefined,
      'it is needed with fallback.secretAccessKey',
    ),
    ['accessKeyId'],
  ),
);

const settingsSchema = v.object({
  smtp: smtpSchema,
  fallback: fallbackSchema,
  onUnknown: v.optional(v.picklist(['hand-over', 'hold'], 'hand-over or hold'), 'hand-over'),
  timeToLiveMs: v.optional(wholeNumber(1, MAX_LIFETIME_MS), 4 * DAY_MS),
});

/** What the API developer sets; docs/settings.md has the table. */
export type MailerSettings = v.InferInput<typeof settingsSchema>;

/** The settings with every default filled in. */
export type CompleteMailerSettings = v.InferOutput<typeof settingsSchema>;

/** Which environment variable sets what, how its text is read, and what docs/settings.md says of it. */
export const MAILER_ENVIRONMENT = [
  ['smtp.host', 'SMTP_HOST', 'text', 'your own mail server'],
  ['smtp.port', 'SMTP_PORT', 'number', 'its port; 465 switches `smtp.secure` on'],
  [
    'smtp.secure',
    'SMTP_SECURE',
    'flag',
    'TLS from the first byte, by default on port 465 only; otherwise STARTTLS if the server offers it',
  ],
  ['smtp.requireTls', 'SMTP_REQUIRE_TLS', 'flag', 'send nothing without STARTTLS'],
  ['smtp.user', 'SMTP_USER', 'text', 'needed with `smtp.password`'],
  ['smtp.password', 'SMTP_PASSWORD', 'secret', 'needed with `smtp.user`'],
  ['smtp.tlsRejectUnauthorized', 'SMTP_TLS_REJECT_UNAUTHORIZED', 'flag', 'false trusts any certificate'],
  ['smtp.tlsCa', 'SMTP_TLS_CA', 'text', "certificates to trust in place of the system's, as PEM text"],
  [
    'smtp.connectTimeoutMs',
    'SMTP_CONNECT_TIMEOUT_MS',
    'number',
    'from the DNS lookup to the end of the TLS handshake',
  ],
  [
    'smtp.greetingTimeoutMs',
    'SMTP_GREETING_TIMEOUT_MS',
    'number',
    'wait for the greeting, within the time above',
  ],
  [
    'smtp.socketTimeoutMs',
    'SMTP_SOCKET_TIMEOUT_MS',
    'number',
    'a socket that is idle for this long is closed',
  ],
  [
    'smtp.sendTimeoutMs',
    'SMTP_SEND_TIMEOUT_MS',
    'number',
    'the whole send, including the wait for a free connection',
  ],
  ['smtp.maxConnections', 'SMTP_MAX_CONNECTIONS', 'number', 'size of the connection pool'],
  [
    'smtp.breakerFailures',
    'SMTP_BREAKER_FAILURES',
    'number',
    'connection failures in a row that open the circuit breaker; mails then go straight to the queue',
  ],
  [
    'smtp.breakerProbeIntervalMs',
    'SMTP_BREAKER_PROBE_INTERVAL_MS',
    'number',
    'first interval at which a probe without a mail checks a server that is down; it grows while the server keeps failing',
  ],
  ['fallback.queueUrl', 'FALLBACK_QUEUE_URL', 'text', 'the fallback queue; an output of the pipeline stack'],
  [
    'fallback.payloadBucket',
    'PAYLOAD_BUCKET',
    'text',
    'the bucket for large content; an output of the pipeline stack',
  ],
  ['fallback.region', 'AWS_SES_REGION', 'text', 'the Region of queue and bucket'],
  [
    'fallback.accessKeyId',
    'AWS_SES_ACCESS_KEY',
    'secret',
    'access key of the IAM user `keybuzz-ses`; by default the credential chain of the AWS SDK; needed with `fallback.secretAccessKey`',
  ],
  [
    'fallback.secretAccessKey',
    'AWS_SES_SECRET_KEY',
    'secret',
    'its secret; needed with `fallback.accessKeyId`',
  ],
  [
    'fallback.sqsEndpoint',
    'AWS_ENDPOINT_URL_SQS',
    'text',
    "an emulator or a VPC endpoint in place of AWS's own",
  ],
  ['fallback.s3Endpoint', 'AWS_ENDPOINT_URL_S3', 'text', 'likewise for S3'],
  [
    'onUnknown',
    'MAIL_ON_UNKNOWN',
    'text',
    'what to do with a mail that SMTP may have accepted: `hand-over` risks a duplicate, `hold` leaves the mail to you',
  ],
  [
    'timeToLiveMs',
    'MAIL_TIME_TO_LIVE_MS',
    'number',
    'after this time a mail without its own `expiresAt` expires',
  ],
] as const;

type Kind = (typeof MAILER_ENVIRONMENT)[number][2];

/** One or more settings are wrong; the message names each, its value and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'ESETTINGS';
  /** One line each. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `${problems.length === 1 ? 'a setting is' : `${problems.length} settings are`} wrong:\n  ${problems.join('\n  ')}`,
    );
    this.problems = problems;
  }
}

/** @throws {@link SettingsError} that names all that is wrong at once */
export function parseMailerSettings(settings: unknown): CompleteMailerSettings {
  const result = v.safeParse(settingsSchema, settings);
  const problems = [...unknownSettings(settings), ...(result.issues ?? []).map(describeProblem)];
  if (result.success && problems.length === 0) return result.output;
  throw new SettingsError(problems);
}

/** A misspelt setting would otherwise be left out in silence, `requireTLS` for instance. */
function unknownSettings(settings: unknown): string[] {
  return [
    ...unknownKeys(settings, settingsSchema.entries),
    ...unknownKeys(groupOf(settings, 'smtp'), smtpSchema.entries, 'smtp.'),
    ...unknownKeys(groupOf(settings, 'fallback'), fallbackSchema.entries, 'fallback.'),
  ];
}

function groupOf(settings: unknown, group: string): unknown {
  if (typeof settings !== 'object' || settings === null) return undefined;
  return Object.entries(settings).find(([name]) => name === group)?.[1];
}

function unknownKeys(group: unknown, entries: object, prefix = ''): string[] {
  if (typeof group !== 'object' || group === null) return [];
  const known = Object.keys(entries);
  const allKnown = known.map((name) => `${prefix}${name}`).join(', ');
  return Object.keys(group)
    .filter((name) => !known.includes(name))
    .map((name) => `${prefix}${name} is no setting; known are ${allKnown}`);
}

/**
 * Reads the settings from environment variables; an empty variable counts as not set.
 *
 * @throws {@link SettingsError} that names all that is wrong at once
 */
export function readMailerSettings(
  env: Readonly<Record<string, string | undefined>>,
): CompleteMailerSettings {
  const settings: Record<string, unknown> = {};
  const groups: Record<string, Record<string, unknown>> = { smtp: {}, fallback: {} };
  for (const [path, name, kind] of MAILER_ENVIRONMENT) {
    const raw = env[name];
    if (raw === undefined || raw === '') continue;
    const [head = path, key] = path.split('.');
    const group = key === undefined ? settings : groups[head];
    if (group !== undefined) group[key ?? head] = readValue(raw, kind);
  }
  return parseMailerSettings({ ...settings, ...groups });
}

/** What cannot be read stays text, and the schema then says what is allowed. */
function readValue(raw: string, kind: Kind): unknown {
  if (kind === 'number' && /^\d+$/.test(raw)) return Number(raw);
  if (kind === 'flag' && /^(true|1|yes)$/i.test(raw)) return true;
  if (kind === 'flag' && /^(false|0|no)$/i.test(raw)) return false;
  return raw;
}

function describeProblem(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '';
  const entry = MAILER_ENVIRONMENT.find(([known]) => known === path);
  const name = entry === undefined ? path : `${path} (${entry[1]})`;
  if (issue.type === 'partial_check') return `${name} is not set: ${issue.message}`;
  const missing = issue.input === undefined;
  if (missing) return `${name} is not set: ${allowed(issue)}`;
  const value =
    entry?.[2] === 'secret' || typeof issue.input === 'object' ? '***' : JSON.stringify(issue.input);
  return `${name} = ${value}: ${allowed(issue)}`;
}

/** The library words a missing key as "Invalid key: …"; ours say what to give. */
function allowed(issue: v.BaseIssue<unknown>): string {
  return issue.message.startsWith('Invalid') ? 'it is needed' : `allowed is ${issue.message}`;
}

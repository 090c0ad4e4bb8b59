import * as v from 'valibot';
import {
  type Environment,
  type EnvironmentEntry,
  type EnvironmentReading,
  readEnvironment,
  wholeNumber,
} from '../common/config.ts';
import { DAY_MS } from '../common/time.ts';
import {
  type CompleteMailerSettings,
  MAILER_ENVIRONMENT,
  readMailerSettings,
  SettingsError,
} from '../mailer/settings.ts';
import { DATABASE_ENVIRONMENT, type DatabaseSettings, readDatabaseEnvironment } from './database-settings.ts';

const NAMESPACE =
  'a namespace of CloudWatch such as keybuzz/mail-worker: up to 255 letters, digits, dots, dashes, _, /, # and :, not ' +
  'beginning with AWS/ or a colon';

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
export const namespaceSchema = v.pipe(
  v.string(),
  v.regex(/^(?!AWS\/)[\w.\-/#][\w.\-/#:]{0,254}$/, NAMESPACE),
);

const STAGES = ['dev', 'prod'] as const;

/** As the stacks are called: the alarms look at no others. */
export const stageSchema = v.picklist(STAGES, `one of ${STAGES.join(', ')}`);

/** Which environment variable sets what of the worker itself, and how its text is read. */
export const WORKER_ENVIRONMENT = [
  ['providers', 'OUTBOUND_PROVIDERS', 'list'],
  ['pollIntervalMs', 'OUTBOUND_POLL_INTERVAL_MS', 'number'],
  ['leaseMs', 'OUTBOUND_LEASE_MS', 'number'],
  ['concurrency', 'OUTBOUND_CONCURRENCY', 'number'],
  ['handOverConcurrency', 'OUTBOUND_HAND_OVER_CONCURRENCY', 'number'],
  ['retryMaxMs', 'OUTBOUND_RETRY_MAX_MS', 'number'],
  ['receiptsQueueUrl', 'RECEIPTS_QUEUE_URL', 'text'],
  ['cloudWatchNamespace', 'OUTBOUND_CLOUDWATCH_NAMESPACE', 'text'],
  ['cloudWatchStage', 'OUTBOUND_CLOUDWATCH_STAGE', 'text'],
  ['cloudWatchEndpoint', 'AWS_ENDPOINT_URL_CLOUDWATCH', 'text'],
  ['drainTimeoutMs', 'OUTBOUND_DRAIN_TIMEOUT_MS', 'number'],
  ['httpHost', 'OUTBOUND_HTTP_HOST', 'text'],
  ['httpPort', 'OUTBOUND_HTTP_PORT', 'number'],
  ['workerId', 'OUTBOUND_WORKER_ID', 'text'],
  ['logLevel', 'LOG_LEVEL', 'text'],
] as const satisfies readonly EnvironmentEntry[];

/** All variables that the process reads. */
export const WORKER_PROCESS_ENVIRONMENT: readonly (readonly [
  setting: string,
  variable: string,
  kind: string,
])[] = [...DATABASE_ENVIRONMENT, ...WORKER_ENVIRONMENT, ...MAILER_ENVIRONMENT];

/** What the manifest must know as well; the rest has its default where it is read. */
export const WORKER_DEFAULTS = { drainTimeoutMs: 25_000, httpPort: 9464 } as const;

/** A Node timer that is set to more than 24.8 days fires at once, so no wait may be longer than a day. */
const MAX_WAIT_MS = DAY_MS;

const PROVIDERS = 'names of letters, digits, _ and -, with a comma between, none twice';

const LOG_LEVELS = ['info', 'warn', 'error'] as const;

const workerSchema = v.pipe(
  v.object({
    providers: v.optional(
      v.pipe(
        v.array(v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, PROVIDERS))),
        v.check((names) => new Set(names).size === names.length, PROVIDERS),
      ),
      ['smtp', 'ses'],
    ),
    pollIntervalMs: v.optional(wholeNumber(10, MAX_WAIT_MS), 2_000),
    // Shorter, and a pause of the garbage collector or a slow commit would lose a lease.
    leaseMs: v.optional(wholeNumber(1_000, MAX_WAIT_MS), 60_000),
    concurrency: v.exactOptional(wholeNumber(1, 10_000)),
    handOverConcurrency: v.optional(wholeNumber(1, 10_000), 200),
    retryMaxMs: v.optional(wholeNumber(1_000, MAX_WAIT_MS), 300_000),
    receiptsQueueUrl: v.exactOptional(v.pipe(v.string(), v.url('a URL'))),
    cloudWatchNamespace: v.exactOptional(namespaceSchema),
    cloudWatchStage: v.exactOptional(stageSchema),
    cloudWatchEndpoint: v.exactOptional(v.pipe(v.string(), v.url('a URL'))),
    drainTimeoutMs: v.optional(wholeNumber(0, MAX_WAIT_MS), WORKER_DEFAULTS.drainTimeoutMs),
    httpHost: v.optional(v.string(), '0.0.0.0'),
    httpPort: v.optional(wholeNumber(0, 65_535), WORKER_DEFAULTS.httpPort),
    workerId: v.exactOptional(
      v.pipe(
        v.string(),
        v.regex(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable ASCII characters without spaces'),
      ),
    ),
    logLevel: v.optional(v.picklist(LOG_LEVELS, `one of ${LOG_LEVELS.join(', ')}`), 'info'),
  }),
  v.forward(
    v.partialCheck(
      [['cloudWatchNamespace'], ['cloudWatchStage']],
      ({ cloudWatchNamespace, cloudWatchStage }) =>
        cloudWatchStage === undefined || cloudWatchNamespace !== undefined,
      'it is needed with cloudWatchStage',
    ),
    ['cloudWatchNamespace'],
  ),
  v.forward(
    v.partialCheck(
      [['cloudWatchNamespace'], ['cloudWatchStage']],
      ({ cloudWatchNamespace, cloudWatchStage }) =>
        cloudWatchNamespace === undefined || cloudWatchStage !== undefined,
      'it is needed with cloudWatchNamespace',
    ),
    ['cloudWatchStage'],
  ),
);

/** Everything that the worker's process is told from outside. */
export interface WorkerSettings extends Readonly<v.InferOutput<typeof workerSchema>> {
  /** Mails in flight while SMTP is tried. Twice the connections, so that none waits for its next mail. */
  readonly concurrency: number;
  readonly workerId: string;
  readonly database: DatabaseSettings;
  readonly mailer: CompleteMailerSettings;
}

/**
 * Reads what the worker's process needs from environment variables; an empty variable counts as not set.
 *
 * @param defaults what only the process itself can know; its id must be one that no process before it had, as
 * leases are told apart by it
 * @throws {@link SettingsError} that names all that is wrong at once, and no secret
 */
export function readWorkerSettings(
  env: Environment,
  defaults: { readonly workerId: string },
): WorkerSettings {
  const database = readDatabaseEnvironment(env);
  const worker = readEnvironment(env, WORKER_ENVIRONMENT, workerSchema);
  const mailer = readMailerEnvironment(env);
  if (database.kind === 'wrong' || worker.kind === 'wrong' || mailer.kind === 'wrong') {
    throw new SettingsError([database, worker, mailer].flatMap(problemsOf));
  }
  return {
    concurrency: 2 * mailer.settings.smtp.maxConnections,
    ...defaults,
    ...worker.settings,
    database: database.settings,
    mailer: mailer.settings,
  };
}

function readMailerEnvironment(env: Environment): EnvironmentReading<CompleteMailerSettings> {
  try {
    return { kind: 'read', settings: readMailerSettings(env) };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return { kind: 'wrong', problems: error.problems };
  }
}

function problemsOf(reading: EnvironmentReading<unknown>): readonly string[] {
  return reading.kind === 'wrong' ? reading.problems : [];
}

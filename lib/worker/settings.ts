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

/** As for the mailer, but of the worker itself. */
export const WORKER_ENVIRONMENT = [
  ['providers', 'OUTBOUND_PROVIDERS', 'list', 'rows with these providers belong to this worker'],
  [
    'pollIntervalMs',
    'OUTBOUND_POLL_INTERVAL_MS',
    'number',
    'how often to poll for due rows that NOTIFY did not announce',
  ],
  [
    'leaseMs',
    'OUTBOUND_LEASE_MS',
    'number',
    'other workers take over the mails of a worker that has not renewed its leases for this long',
  ],
  [
    'concurrency',
    'OUTBOUND_CONCURRENCY',
    'number',
    'mails in flight while SMTP is tried; by default twice `smtp.maxConnections`',
  ],
  [
    'handOverConcurrency',
    'OUTBOUND_HAND_OVER_CONCURRENCY',
    'number',
    'mails in flight while they go straight to the queue',
  ],
  [
    'retryMaxMs',
    'OUTBOUND_RETRY_MAX_MS',
    'number',
    'the longest pause before a mail that neither SMTP nor the queue accepted is tried again',
  ],
  [
    'receiptsQueueUrl',
    'RECEIPTS_QUEUE_URL',
    'text',
    'the receipts queue, an output of the pipeline stack; if set, the worker writes the delivery status of handed-over mails to their rows',
  ],
  [
    'cloudWatchNamespace',
    'OUTBOUND_CLOUDWATCH_NAMESPACE',
    'text',
    '`keybuzz/mail-worker`; if set, the worker publishes metrics once a minute; needs `workerMetrics` of the stacks and `OUTBOUND_CLOUDWATCH_STAGE`',
  ],
  ['cloudWatchStage', 'OUTBOUND_CLOUDWATCH_STAGE', 'text', 'needed with `OUTBOUND_CLOUDWATCH_NAMESPACE`'],
  [
    'cloudWatchEndpoint',
    'AWS_ENDPOINT_URL_CLOUDWATCH',
    'text',
    "an emulator or a VPC endpoint in place of AWS's own",
  ],
  ['drainTimeoutMs', 'OUTBOUND_DRAIN_TIMEOUT_MS', 'number', 'time to finish what is in flight after SIGTERM'],
  ['httpHost', 'OUTBOUND_HTTP_HOST', 'text', 'address of the HTTP server'],
  ['httpPort', 'OUTBOUND_HTTP_PORT', 'number', 'health and metrics; 0 takes any free port'],
  [
    'workerId',
    'OUTBOUND_WORKER_ID',
    'text',
    'name of the worker in leases and traces; by default host, process id and a random part',
  ],
  ['logLevel', 'LOG_LEVEL', 'text', 'the least severe lines that are logged'],
] as const satisfies readonly EnvironmentEntry[];

/** All variables that the process reads. */
export const WORKER_PROCESS_ENVIRONMENT: readonly (readonly [
  setting: string,
  variable: string,
  kind: string,
  meaning: string,
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

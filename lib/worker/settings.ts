import * as v from 'valibot';
import { type Environment, listSettings, readOwnEnvironment, setting, settingsOf } from '../common/config.ts';
import { MAILCTL_VARIABLES } from '../common/names.ts';
import { allowed, integer, matching, oneOf, text, url } from '../common/schemas.ts';
import { DAY_MS } from '../common/time.ts';
import {
  type CompleteMailerSettings,
  isInRegion,
  mailerSettingsSchema,
  otherRegion,
} from '../mailer/settings.ts';
import { namespaceSchema, stageSchema } from '../process/cloud-watch-settings.ts';
import { DEFAULT_TUNING } from './create-worker.ts';
import { type DatabaseSettings, databaseSchema } from './database-settings.ts';

/** Defaults that the manifest needs too; the others are in the schema. */
export const WORKER_DEFAULTS = { drainTimeoutMs: 25_000, httpPort: 9464 } as const;

/** A Node timer over 24.8 days fires at once, so no wait may be longer than a day. */
const MAX_WAIT_MS = DAY_MS;

const providerNames = v.pipe(
  v.array(v.pipe(v.string(), v.trim(), v.regex(/^[\w-]{1,64}$/))),
  v.check((names) => new Set(names).size === names.length),
  allowed('names of letters, digits, _ and -, with a comma between, none twice'),
);

const workerSchema = v.object({
  providers: setting(v.optional(providerNames, ['smtp', 'ses']), {
    variable: 'OUTBOUND_PROVIDERS',
    description: 'rows with these providers belong to this worker',
  }),
  pollIntervalMs: setting(v.optional(integer(10, MAX_WAIT_MS), DEFAULT_TUNING.pollIntervalMs), {
    variable: 'OUTBOUND_POLL_INTERVAL_MS',
    description: 'how often to poll for due rows that NOTIFY did not announce',
  }),
  // With a shorter lease, a garbage collection pause or a slow commit would lose it.
  leaseMs: setting(v.optional(integer(1_000, MAX_WAIT_MS), DEFAULT_TUNING.leaseMs), {
    variable: 'OUTBOUND_LEASE_MS',
    description:
      'other workers take over the mails of a worker that has not renewed its leases for this long',
  }),
  takeOverDelayMs: setting(v.optional(integer(0, MAX_WAIT_MS), DEFAULT_TUNING.takeOverDelayMs), {
    variable: 'OUTBOUND_TAKE_OVER_DELAY_MS',
    description:
      'after its start, and after an outage of the database, a worker leaves ended leases to their owners for this long, so that those alive renew them',
  }),
  concurrency: setting(v.exactOptional(integer(1, 10_000)), {
    variable: 'OUTBOUND_CONCURRENCY',
    description: 'mails in flight while SMTP is tried; by default twice `smtp.maxConnections`',
  }),
  handOverConcurrency: setting(v.optional(integer(1, 10_000), DEFAULT_TUNING.handOverConcurrency), {
    variable: 'OUTBOUND_HAND_OVER_CONCURRENCY',
    description: 'mails in flight while they go straight to the queue',
  }),
  retryMaxMs: setting(v.optional(integer(1_000, MAX_WAIT_MS), DEFAULT_TUNING.retryMaxMs), {
    variable: 'OUTBOUND_RETRY_MAX_MS',
    description: 'the longest pause before a mail that neither SMTP nor the queue accepted is tried again',
  }),
  // The column is a smallint.
  urgentPriority: setting(v.optional(integer(-32_768, 32_767), DEFAULT_TUNING.urgentPriority), {
    variable: 'OUTBOUND_URGENT_PRIORITY',
    description:
      'rows whose `priority` is this or higher are handed over as urgent: the fallback sends them ahead of all others',
  }),
  receiptsQueueUrl: setting(v.exactOptional(url), {
    variable: 'RECEIPTS_QUEUE_URL',
    description:
      'the receipts queue, an output of the pipeline stack; if set, the worker writes the delivery status of handed-over mails to their rows',
  }),
  cloudWatchNamespace: setting(v.exactOptional(namespaceSchema), {
    variable: 'OUTBOUND_CLOUDWATCH_NAMESPACE',
    description:
      '`keybuzz/mail-worker`; if set, the worker publishes metrics once a minute; needs `workerMetrics` of the stacks and `OUTBOUND_CLOUDWATCH_STAGE`',
    neededWith: 'cloudWatchStage',
  }),
  cloudWatchStage: setting(v.exactOptional(stageSchema), {
    variable: 'OUTBOUND_CLOUDWATCH_STAGE',
    description: 'needed with `OUTBOUND_CLOUDWATCH_NAMESPACE`',
    neededWith: 'cloudWatchNamespace',
  }),
  cloudWatchEndpoint: setting(v.exactOptional(url), {
    variable: 'AWS_ENDPOINT_URL_CLOUDWATCH',
    description: "an emulator or a VPC endpoint in place of AWS's own",
    isConvention: true,
  }),
  drainTimeoutMs: setting(v.optional(integer(0, MAX_WAIT_MS), WORKER_DEFAULTS.drainTimeoutMs), {
    variable: 'OUTBOUND_DRAIN_TIMEOUT_MS',
    description: 'time to finish what is in flight after SIGTERM',
  }),
  httpHost: setting(v.exactOptional(text), {
    variable: 'OUTBOUND_HTTP_HOST',
    description: 'address of the HTTP server; by default every address of the machine, IPv6 and IPv4',
  }),
  httpPort: setting(v.optional(integer(0, 65_535), WORKER_DEFAULTS.httpPort), {
    variable: 'OUTBOUND_HTTP_PORT',
    description: 'health and metrics; 0 takes any free port',
  }),
  workerId: setting(
    v.exactOptional(matching(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable ASCII characters without spaces')),
    {
      variable: 'OUTBOUND_WORKER_ID',
      description: 'name of the worker in leases and traces; by default host, process id and a random part',
    },
  ),
  logLevel: setting(v.optional(oneOf(['info', 'warn', 'error']), 'info'), {
    variable: 'LOG_LEVEL',
    description: 'the least severe lines that are logged',
    isConvention: true,
  }),
});

const processSchema = v.pipe(
  v.object({
    database: databaseSchema,
    ...workerSchema.entries,
    ...mailerSettingsSchema.entries,
  }),
  v.forward(
    v.partialCheck(
      [['receiptsQueueUrl'], ['fallback', 'region']],
      ({ receiptsQueueUrl, fallback }) => isInRegion(receiptsQueueUrl, fallback.region),
      ({ input: { receiptsQueueUrl, fallback } }) => otherRegion(receiptsQueueUrl, fallback.region),
    ),
    ['receiptsQueueUrl'],
  ),
);

/** The settings of the worker itself, without those of its database and mailer. */
export const WORKER_SETTINGS = listSettings(workerSchema);

/** All settings that the process reads. */
export const WORKER_PROCESS_SETTINGS = listSettings(processSchema);

/** Everything that the worker's process reads from its environment. */
export interface WorkerSettings extends Readonly<v.InferOutput<typeof workerSchema>> {
  /** Mails in flight while SMTP is tried. Twice the connections, so that none waits for its next mail. */
  readonly concurrency: number;
  readonly workerId: string;
  readonly database: DatabaseSettings;
  readonly mailer: CompleteMailerSettings;
}

/**
 * Reads the settings of the worker's process from environment variables; an empty variable counts as not set, and
 * an unknown one that begins like these is wrong.
 *
 * @param defaults values that only the process can provide; no earlier process may have had this id, because
 * it identifies leases
 * @throws {@link SettingsError} that lists every error at once, without secrets
 */
export function readWorkerSettings(
  env: Environment,
  defaults: { readonly workerId: string },
): WorkerSettings {
  const { smtp, fallback, onUnknown, timeToLiveMs, idKeys, ...worker } = settingsOf(
    readOwnEnvironment(processSchema, env, Object.values(MAILCTL_VARIABLES)),
  );
  return {
    concurrency: 2 * smtp.maxConnections,
    ...defaults,
    ...worker,
    mailer: { smtp, fallback, onUnknown, timeToLiveMs, ...(idKeys === undefined ? {} : { idKeys }) },
  };
}

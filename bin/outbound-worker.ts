#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { createJsonLog } from '../lib/adapters/json-log.ts';
import { migrate } from '../lib/adapters/postgres/migrate.ts';
import { DEPLOYMENT_DEFAULTS } from '../lib/common/names.ts';
import { commandOf, exitCodeOf, UsageError } from '../lib/process/command.ts';
import { relayManifest } from '../lib/relay/kubernetes-manifest.ts';
import { connectionOf, readDatabaseSettings } from '../lib/worker/database-settings.ts';
import { kubernetesManifest, type ManifestOptions } from '../lib/worker/kubernetes-manifest.ts';
import { runWorker } from '../lib/worker/run.ts';
import { readWorkerSettings } from '../lib/worker/settings.ts';

const HELP = `Sends the mails that wait in outbound_deliveries: by SMTP, and to the SES fallback where SMTP fails.

  outbound-worker                    works until SIGTERM or SIGINT; then it finishes what is in flight
  outbound-worker migrate            brings the table up to date; safe to run again and on a table with rows
  outbound-worker manifest --namespace NS --image IMAGE [--replicas N]
                  [--project NAME]
                  [--cloudwatch-namespace NAME --cloudwatch-stage STAGE]
                  [--relay [--upstream HOST]]
                                     prints Kubernetes manifests for "kubectl apply -f -"; they read the secrets
                                     NAME-api-postgres, NAME-ses and NAME-smtp (default: ${DEPLOYMENT_DEFAULTS.project}); with the
                                     --cloudwatch-…, the workers publish their metrics to CloudWatch; with --relay, those
                                     of smtp-relay as well, in front of HOST or, without it, behind a mail server
  outbound-worker --help             this text

Settings come from the environment; docs/settings.md has the tables. The least that is needed:
  DATABASE_URL  SMTP_HOST  FALLBACK_QUEUE_URL  PAYLOAD_BUCKET
With FALLBACK_URGENT_QUEUE_URL urgent mail has a queue of its own.
With RECEIPTS_QUEUE_URL it also writes to the rows what became of the mails that it handed over.

Exit codes: 0 all done; 1 an error, or mails were left for other workers; 2 a wrong setting or argument.
`;

const OPTIONS = {
  namespace: { type: 'string' },
  image: { type: 'string' },
  project: { type: 'string' },
  replicas: { type: 'string' },
  'cloudwatch-namespace': { type: 'string' },
  'cloudwatch-stage': { type: 'string' },
  relay: { type: 'boolean', default: false },
  upstream: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const writeLine = (line: string) => process.stdout.write(line);

async function work(): Promise<number> {
  const workerId = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const settings = readWorkerSettings(process.env, { workerId });
  const log = createJsonLog(writeLine, { level: settings.logLevel, base: { worker: settings.workerId } });
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const running = await runWorker(settings, log);
  log.info('started', { httpPort: running.httpPort });
  await stopped;
  log.info('stopping', { drainTimeoutMs: settings.drainTimeoutMs });
  const left = await running.stop();
  log.info('stopped', { left });
  return left === 0 ? 0 : 1;
}

async function migrateDatabase(): Promise<number> {
  const { applied } = await migrate(connectionOf(readDatabaseSettings(process.env)));
  writeLine(applied.length === 0 ? 'up to date\n' : `applied:\n  ${applied.join('\n  ')}\n`);
  return 0;
}

interface ManifestValues {
  readonly namespace?: string;
  readonly image?: string;
  readonly project?: string;
  readonly replicas?: string;
  readonly 'cloudwatch-namespace'?: string;
  readonly 'cloudwatch-stage'?: string;
  readonly relay?: boolean;
  readonly upstream?: string;
}

function printManifest(values: ManifestValues): number {
  const { namespace, image, project, replicas } = values;
  if (namespace === undefined || image === undefined)
    throw new UsageError('manifest needs --namespace and --image');
  writeLine(
    kubernetesManifest({
      namespace,
      image,
      project,
      ...(replicas === undefined ? {} : { replicas: Number(replicas) }),
      cloudWatch: cloudWatchOf(values),
    }),
  );
  if (values.relay === true)
    writeLine(`---\n${relayManifest({ namespace, image, project, upstreamHost: values.upstream })}`);
  return 0;
}

function cloudWatchOf({
  'cloudwatch-namespace': namespace,
  'cloudwatch-stage': stage,
}: ManifestValues): ManifestOptions['cloudWatch'] {
  if (namespace === undefined && stage === undefined) return undefined;
  if (namespace === undefined || stage === undefined)
    throw new UsageError('--cloudwatch-namespace and --cloudwatch-stage go together');
  return { namespace, stage };
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) {
    writeLine(HELP);
    return 0;
  }
  const command = commandOf(positionals, 'work');
  switch (command) {
    case 'work':
      return work();
    case 'migrate':
      return migrateDatabase();
    case 'manifest':
      return printManifest(values);
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

process.exitCode = await exitCodeOf(run, HELP);
// A server that does not respond may keep a connection open, and with it the process: exit now.
if (process.exitCode !== 0) process.exit();

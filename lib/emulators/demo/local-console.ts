import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AwsClients } from '../../cli/aws-clients.ts';
import { type OpenConsoleSources, openConsoleSources } from '../../cli/console/open-sources.ts';
import { FixHints } from '../../cli/hints.ts';
import { DROP_RECORD } from '../../cli/lookups/dlq/drop-dead-letters.ts';
import { DEPLOYMENT_DEFAULTS } from '../../common/names.ts';
import type { ConsoleOptions } from '../../console/server.ts';
import { systemClock } from '../../ports/runtime.ts';
import { type LocalDeskDeps, openLocalDesk } from '../console/local-desk.ts';
import type { LocalPipeline } from '../pipeline.ts';
import { LocalFaults } from './faults.ts';

/** The console over the pipeline on this machine: the same sources as for a deployment, and what only it has. */
export function openLocalConsole(
  pipeline: LocalPipeline,
  signal: AbortSignal,
  desk: Pick<LocalDeskDeps, 'faults' | 'idKeys'> = { faults: new LocalFaults(pipeline), idKeys: [] },
): OpenConsoleSources & ConsoleOptions {
  const { services, cloudFormation, databaseUrl, worker } = pipeline;
  const { aws, dynamoDb, ses } = services;
  const { project, stage } = DEPLOYMENT_DEFAULTS;
  const deployment = { project, stage };
  const opened = openConsoleSources(
    {
      deployment,
      region: aws.region,
      aws: new AwsClients({
        region: aws.region,
        hasOwnSqs: true,
        local: {
          endpoints: {
            cloudFormation: cloudFormation.endpoint,
            sqs: aws.endpoint,
            s3: aws.endpoint,
            dynamoDb: dynamoDb.endpoint,
            ses: ses.url,
          },
          credentials: aws.credentials,
        },
      }),
      commands: new FixHints(deployment, aws.region),
      env: { DATABASE_URL: databaseUrl },
      signal,
      workerUrl: worker.healthUrl,
      recordPath: join(pipeline.directory, DROP_RECORD),
      history: 'sampled',
      noAlarms: {
        why: 'Alarms are those of CloudWatch, which a pipeline on this machine does not have',
        fix: 'docs/monitoring.md has the list of what a deployment watches',
      },
    },
    'local',
  );
  const local = openLocalDesk(pipeline, {
    ...desk,
    clock: systemClock,
    newId: () => randomUUID().slice(0, 8),
  });
  return { ...opened, sources: { ...opened.sources, local }, allowChanges: true, showAddresses: true };
}

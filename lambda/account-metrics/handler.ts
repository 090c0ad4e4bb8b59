import { IAMClient } from '@aws-sdk/client-iam';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import type { Context } from 'aws-lambda';
import { EmbeddedMetrics } from '../../lib/adapters/cloudwatch/embedded-metrics.ts';
import { DynamoItemCount } from '../../lib/adapters/dynamodb/dynamo-item-count.ts';
import { dynamoClient } from '../../lib/adapters/dynamodb/dynamo-table.ts';
import { IamAccessKeys } from '../../lib/adapters/iam/iam-access-keys.ts';
import { createJsonLog } from '../../lib/adapters/json-log.ts';
import { SesSendingAccount } from '../../lib/adapters/ses/ses-sending-account.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import { ACCOUNT_METRICS_CALL_TIMEOUT_MS } from './constants.ts';
import { readAccountMetricsEnv } from './env.ts';
import { type AccountMetricsDeps, publishAccountMetrics } from './publish-account-metrics.ts';

const env = readAccountMetricsEnv(process.env);
const timeoutMs = ACCOUNT_METRICS_CALL_TIMEOUT_MS;

/** All calls are read-only, so the SDK may retry them. */
const CLIENT_OPTIONS = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 2_000 },
};

const write = (line: string) => process.stdout.write(line);

const metrics = new EmbeddedMetrics({
  namespace: env.metricsNamespace,
  stage: env.metricsStage,
  write,
  clock: systemClock,
});

const deps: Omit<AccountMetricsDeps, 'log'> = {
  sendingAccount: new SesSendingAccount(new SESv2Client(CLIENT_OPTIONS), timeoutMs),
  accessKeys: new IamAccessKeys(new IAMClient(CLIENT_OPTIONS), env.userName, timeoutMs),
  entries: new DynamoItemCount(dynamoClient(), env.suppressionTable, timeoutMs),
  metrics,
  clock: systemClock,
};

/**
 * Runs on a schedule; the event is not used.
 *
 * @throws if a value could not be read, so that Lambda counts an error; the others are published before that
 */
export async function handler(_event: unknown, context: Context): Promise<void> {
  const unknown = await publishAccountMetrics({
    ...deps,
    log: createJsonLog(write, { base: { requestId: context.awsRequestId } }),
  });
  metrics.flush();
  if (unknown.length > 0) throw new Error(`not known now: ${unknown.join(', ')}`);
}

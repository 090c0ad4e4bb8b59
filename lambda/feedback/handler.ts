import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { EmbeddedMetrics } from '../../lib/adapters/cloudwatch/embedded-metrics.ts';
import { DynamoDeliveredAddresses } from '../../lib/adapters/dynamodb/dynamo-delivered-addresses.ts';
import { DynamoEventLatencies } from '../../lib/adapters/dynamodb/dynamo-event-latencies.ts';
import { DynamoStatusLedger } from '../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DynamoSuppressionReports } from '../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { dynamoClient } from '../../lib/adapters/dynamodb/dynamo-table.ts';
import { createJsonLog } from '../../lib/adapters/json-log.ts';
import { SqsDeadLetters } from '../../lib/adapters/sqs/sqs-dead-letters.ts';
import { SqsReceiptQueue } from '../../lib/adapters/sqs/sqs-receipt-queue.ts';
import { SqsRedelivery } from '../../lib/adapters/sqs/sqs-redelivery.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import { type FeedbackDeps, feedbackBatch } from './batch.ts';
import { FEEDBACK_CALL_TIMEOUT_MS, NEEDED_FOR_ONE_JOB_MS } from './constants.ts';
import { readFeedbackEnv } from './env.ts';

/** Send batches that are applied side by side have their receipts ready at nearly the same time. */
const RECEIPTS_GATHER_MS = 10;

const env = readFeedbackEnv(process.env);
const timeoutMs = FEEDBACK_CALL_TIMEOUT_MS;
const sqs = new SQSClient({ useQueueUrlAsEndpoint: process.env.AWS_ENDPOINT_URL_SQS === undefined });
const dynamo = dynamoClient();

const deps: Omit<FeedbackDeps, 'hasTime' | 'log' | 'metrics'> = {
  ledger: new DynamoStatusLedger(
    dynamo,
    { tableName: env.ledgerTable, retentionDays: env.ledgerRetentionDays, timeoutMs },
    systemClock,
  ),
  latencies: new DynamoEventLatencies(dynamo, { tableName: env.ledgerTable, timeoutMs }),
  suppressions: new DynamoSuppressionReports(dynamo, {
    tableName: env.suppressionTable,
    policy: { softBounces: env.softBounceLimit, windowDays: env.softBounceWindowDays },
    timeoutMs,
  }),
  delivered:
    env.reputationFuse === 'on'
      ? new DynamoDeliveredAddresses(dynamo, {
          tableName: env.ledgerTable,
          retentionDays: env.ledgerRetentionDays,
          timeoutMs,
        })
      : undefined,
  receipts: new SqsReceiptQueue(sqs, env.receiptsQueueUrl, timeoutMs, RECEIPTS_GATHER_MS),
  deadLetters: new SqsDeadLetters(sqs, env.deadLetterQueueUrl, timeoutMs),
  redelivery: new SqsRedelivery(sqs, env.queueUrl, timeoutMs),
  fromDomain: env.fromDomain,
  region: env.region,
  clock: systemClock,
  random: Math.random,
};

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const metrics = openMetrics();
  try {
    return await feedbackBatch(event.Records, {
      ...deps,
      metrics,
      hasTime: () => context.getRemainingTimeInMillis() > NEEDED_FOR_ONE_JOB_MS,
      log: createJsonLog(write, { base: { requestId: context.awsRequestId } }),
    });
  } finally {
    metrics.flush();
  }
}

/** Lambda does not wrap lines that are JSON already. */
function write(line: string): void {
  process.stdout.write(line);
}

function openMetrics(): EmbeddedMetrics {
  const { metricsNamespace: namespace, metricsStage: stage } = env;
  return new EmbeddedMetrics({ namespace, stage, write, clock: systemClock });
}

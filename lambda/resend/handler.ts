import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { EmbeddedMetrics } from '../../lib/adapters/cloudwatch/embedded-metrics.ts';
import { DynamoDeliveredAddresses } from '../../lib/adapters/dynamodb/dynamo-delivered-addresses.ts';
import { DynamoEventLatencies } from '../../lib/adapters/dynamodb/dynamo-event-latencies.ts';
import { DynamoLedger } from '../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DynamoSendingState } from '../../lib/adapters/dynamodb/dynamo-sending-state.ts';
import { DynamoSuppressionList } from '../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { dynamoClient } from '../../lib/adapters/dynamodb/dynamo-table.ts';
import { createJsonLog } from '../../lib/adapters/json-log.ts';
import { SesAccountLimits } from '../../lib/adapters/ses/ses-account-limits.ts';
import { SesV1Sender } from '../../lib/adapters/ses/ses-v1-sender.ts';
import { SizedSesSender } from '../../lib/adapters/ses/sized-ses-sender.ts';
import { SqsDeadLetters } from '../../lib/adapters/sqs/sqs-dead-letters.ts';
import { SqsEventBacklog } from '../../lib/adapters/sqs/sqs-event-backlog.ts';
import { SqsFallbackQueue } from '../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { SqsReceiptQueue } from '../../lib/adapters/sqs/sqs-receipt-queue.ts';
import { SqsRedelivery } from '../../lib/adapters/sqs/sqs-redelivery.ts';
import { WeightLimit } from '../../lib/common/async.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import { type BatchDeps, resendBatch } from './batch.ts';
import {
  ACCOUNT_LIMITS_TIMEOUT_MS,
  DYNAMODB_CALL_TIMEOUT_MS,
  MAX_BYTES_IN_MEMORY,
  NEEDED_FOR_ONE_SEND_MS,
  PAYLOAD_TIMEOUT_MS,
  SES_CALL_TIMEOUT_MS,
  SQS_CALL_TIMEOUT_MS,
} from './constants.ts';
import { readResendEnv } from './env.ts';
import { SendTurns } from './send-turns.ts';

const env = readResendEnv(process.env);
const sqs = new SQSClient({ useQueueUrlAsEndpoint: process.env.AWS_ENDPOINT_URL_SQS === undefined });
const dynamoDb = dynamoClient();
const ledgerTable = { tableName: env.ledgerTable, timeoutMs: DYNAMODB_CALL_TIMEOUT_MS };

type InvocationDeps = Pick<BatchDeps, 'deadline' | 'hasTime' | 'isHeld' | 'log' | 'metrics' | 'ses'>;

const deps: Omit<BatchDeps, keyof InvocationDeps> = {
  ledger: new DynamoLedger(dynamoDb, { ...ledgerTable, retentionDays: env.ledgerRetentionDays }, systemClock),
  latencies: new DynamoEventLatencies(dynamoDb, ledgerTable),
  backlog: new SqsEventBacklog(sqs, env.feedbackQueueUrl, SQS_CALL_TIMEOUT_MS),
  eventWait: env.eventWait,
  suppressions: new DynamoSuppressionList(dynamoDb, {
    tableName: env.suppressionTable,
    timeoutMs: DYNAMODB_CALL_TIMEOUT_MS,
    policy: env.softBouncePolicy,
  }),
  exemptTenants: env.exemptTenants,
  turns: new SendTurns({
    store: new DynamoSendingState(dynamoDb, ledgerTable),
    limits: new SesAccountLimits(ACCOUNT_LIMITS_TIMEOUT_MS),
    hasFuse: env.reputationFuse === 'on',
    clock: systemClock,
    sleep: delay,
    random: Math.random,
  }),
  delivered: new DynamoDeliveredAddresses(dynamoDb, {
    ...ledgerTable,
    retentionDays: env.ledgerRetentionDays,
  }),
  memory: new WeightLimit(MAX_BYTES_IN_MEMORY),
  sources: { payloads: loadPayloads, composer: loadComposer },
  queue: new SqsFallbackQueue(sqs, env.queueUrl, SQS_CALL_TIMEOUT_MS, env.urgentQueueUrl),
  heldQueue: new SqsFallbackQueue(sqs, env.heldQueueUrl, SQS_CALL_TIMEOUT_MS),
  receipts: new SqsReceiptQueue(sqs, env.receiptsQueueUrl, SQS_CALL_TIMEOUT_MS),
  deadLetters: new SqsDeadLetters(sqs, env.deadLetterQueueUrl, SQS_CALL_TIMEOUT_MS),
  redelivery: new SqsRedelivery(sqs, env.queueUrl, SQS_CALL_TIMEOUT_MS),
  region: env.region,
  fromDomain: env.fromDomain,
  clock: systemClock,
  random: Math.random,
  newToken: randomUUID,
};

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const ses = openSes();
  const metrics = openMetrics();
  try {
    const waitMs = Math.max(context.getRemainingTimeInMillis() - NEEDED_FOR_ONE_SEND_MS, 0);
    return await resendBatch(event.Records, {
      ...deps,
      ses,
      metrics,
      isHeld: isOfHeldQueue(event),
      hasTime: () => context.getRemainingTimeInMillis() > NEEDED_FOR_ONE_SEND_MS,
      deadline: new Date(systemClock.now().getTime() + waitMs),
      log: createJsonLog(write, { base: { requestId: context.awsRequestId } }),
    });
  } finally {
    idle = { ses, since: systemClock.now() };
    metrics.flush();
  }
}

/** All records of an invocation are of one queue; ARN and URL both end with its name. */
function isOfHeldQueue({ Records: [record] }: SQSEvent): boolean {
  return record?.eventSourceARN.split(':').at(-1) === env.heldQueueUrl.split('/').at(-1);
}

/** Lambda does not wrap lines that are JSON already. */
function write(line: string): void {
  process.stdout.write(line);
}

function openMetrics(): EmbeddedMetrics {
  const { metricsNamespace: namespace, metricsStage: stage } = env;
  return new EmbeddedMetrics({ namespace, stage, write, clock: systemClock });
}

/** The connections of the invocation before. */
let idle: { readonly ses: SizedSesSender; readonly since: Date } | undefined;

/** Far below the time after which any server closes an idle connection. */
const MAX_IDLE_MS = 2_000;

/**
 * Connections to SES are used again only by an invocation that follows at once. Between invocations the function is
 * frozen, maybe for minutes, and SES closes idle connections: the next call would use a closed connection, and its
 * result would be unknown. Calls to other services are retried; a call to SES cannot be.
 */
function openSes(): SizedSesSender {
  if (idle !== undefined) {
    const idleMs = systemClock.now().getTime() - idle.since.getTime();
    if (idleMs >= 0 && idleMs < MAX_IDLE_MS) return idle.ses;
    idle.ses.close();
  }
  return new SizedSesSender(new SesV1Sender(env.configurationSet, SES_CALL_TIMEOUT_MS), loadSesV2);
}

async function loadSesV2() {
  const { SesV2Sender } = await import('../../lib/adapters/ses/ses-v2-sender.ts');
  return new SesV2Sender(env.configurationSet, SES_CALL_TIMEOUT_MS);
}

async function loadPayloads() {
  const [{ S3Client }, { S3PayloadSource }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../../lib/adapters/s3/s3-payload-source.ts'),
  ]);
  // Emulators serve buckets by path, and AWS still accepts path-style requests.
  return new S3PayloadSource(new S3Client({ forcePathStyle: true }), env.payloadBucket, PAYLOAD_TIMEOUT_MS);
}

async function loadComposer() {
  const { MailContentComposer } = await import('../../lib/adapters/mime/compose-mail.ts');
  return new MailContentComposer();
}

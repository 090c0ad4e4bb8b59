/**
 * The list price of the pipeline: at rest by the month, and for a million resent mails. Requests, DynamoDB units and log
 * bytes are measured on the emulators; sizes and durations that no emulator knows are assumed and printed. Each mail goes
 * through the whole pipeline: handed over in batches as the worker does, claimed, sent, its Send and Delivery events
 * applied, its receipts read and deleted.
 *
 *   npm run bench:cost -- [mails]
 */
import { RESEND_BATCH_SIZE } from '../../lambda/resend/constants.ts';
import { SqsFallbackQueue } from '../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { packMime } from '../../lib/domain/content.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import { type LocalBackend, startLocalBackend } from '../../lib/emulators/backend.ts';
import type { LocalServices } from '../../lib/emulators/services.ts';
import { createReceiptConsumer } from '../../lib/index.ts';
import { FEEDBACK_MEMORY_MIB } from '../../lib/infra/constructs/feedback-function.ts';
import { RESEND_MEMORY_MIB } from '../../lib/infra/constructs/resend-function.ts';
import { monitoringCost, PRICES } from '../../lib/infra/monitoring/cost.ts';
import { settingsWith, synthesise } from '../infra/synthesise.ts';

const MAILS = Number(process.argv[2] ?? 500);

/** In eu-west-1, in US dollars per million; on-demand tables, standard queues. */
const PRICE = { writeUnit: 0.705, readUnit: 0.141, sqsRequest: 0.4, snsPublish: 0.5 };

/** In US dollars: a GB of CloudWatch Logs ingested, and a secret for a month. */
const LOGS_GB = 0.57;
const SECRET_MONTH = 0.4;

/** SQS and SNS bill each 64 KB of a payload as one request. */
const BILLED_BYTES = 64 * 1024;

/** What no emulator knows: the size of a mail in the queue, and how long the functions take for it on Lambda. */
const ASSUMED = { messageBytes: 20 * 1024, resendMs: 150, feedbackMs: 30 } as const;

/** Lambda polls each of its queues with five long polls of 20 s, and each worker its receipts with one. */
const POLLS_A_MONTH = (30 * 86_400) / 20;
const QUEUES_OF_LAMBDAS = 4;
const LAMBDA_POLLERS = QUEUES_OF_LAMBDAS * 5;

/** SendMessageBatch takes ten. */
const SENT_TOGETHER = 10;

/**
 * The actions that carry messages; empty polls cost the same without traffic, so they are not counted per
 * mail.
 */
const SQS_ACTIONS = [
  'SendMessage',
  'SendMessageBatch',
  'ReceiveMessage',
  'DeleteMessage',
  'DeleteMessageBatch',
  'ChangeMessageVisibility',
] as const;

function envelopeOf(index: number): FallbackMessage {
  const to = `buyer-${index}@example.org`;
  const mime = `From: support@keybuzz.io\r\nTo: ${to}\r\nSubject: Your order ${index}\r\n\r\nIt is on its way.\r\n`;
  return {
    version: 1,
    id: `cost-${index}-0123456789abcdef`,
    tenantId: `tenant-${index % 20}`,
    envelope: { from: 'support@keybuzz.io', to: [to] },
    content: packMime(Buffer.from(mime)),
    createdAt: new Date().toISOString(),
  };
}

/** Reads receipts as the API does, until every mail is delivered. */
function allDelivered({ aws, receipts }: LocalServices): Promise<void> {
  const delivered = new Set<string>();
  return new Promise((resolve) => {
    const consumer = createReceiptConsumer({
      queueUrl: receipts.url,
      credentials: { ...aws.credentials },
      endpoint: aws.endpoint,
      onReceipt: ({ id, kind }) => {
        if (kind === 'delivered') delivered.add(id);
        if (delivered.size === MAILS) setImmediate(() => void consumer.stop().then(resolve));
      },
    });
    consumer.start();
  });
}

function requestsOf({ aws }: LocalServices): Map<string, number> {
  return new Map(SQS_ACTIONS.map((action) => [action, aws.callsOf({ service: 'sqs', action })]));
}

function line(what: string, count: number, price: number): number {
  const dollars = count * price;
  console.log(
    `  ${what.padEnd(24)} ${count.toFixed(2).padStart(6)} a mail   $${dollars.toFixed(2)} a million`,
  );
  return dollars;
}

function report(
  { services, resendFunction, feedbackFunction }: LocalBackend,
  before: Map<string, number>,
  logBytes: number,
): void {
  const { readUnits, writeUnits } = services.dynamoDb.capacityUsed();
  console.log(`${MAILS} mails of one recipient, of which SES accepted ${services.ses.mails.length}`);
  let sum = line('DynamoDB write units', writeUnits / MAILS, PRICE.writeUnit);
  sum += line('DynamoDB read units', readUnits / MAILS, PRICE.readUnit);
  for (const [action, count] of requestsOf(services)) {
    sum += line(`SQS ${action}`, (count - (before.get(action) ?? 0)) / MAILS, PRICE.sqsRequest);
  }
  sum += line('SQS, further 64 KB', furtherChunks(), PRICE.sqsRequest);
  // SNS delivers to SQS free of charge; SQS counts the request.
  sum += line('SNS publishes of events', 2, PRICE.snsPublish);
  sum += line('SQS sends of events', 2, PRICE.sqsRequest);
  const invocations = resendFunction.invocations.started + feedbackFunction.invocations.started;
  sum += line('Lambda requests', invocations / MAILS, PRICES.lambda.request * 1e6);
  sum += line('Lambda GiB-seconds', gibibyteSeconds(), PRICES.lambda.gibibyteSecond * 1e6);
  // A KB a mail is a GB a million mails.
  sum += line('log KB', logBytes / MAILS / 1000, LOGS_GB);
  console.log(
    `  together $${sum.toFixed(2)} for a million mails; SES itself $100, and $0.12 a GB of attachments`,
  );
  const { messageBytes, resendMs, feedbackMs } = ASSUMED;
  console.log(
    `  assumed: ${messageBytes / 1024} KB a message, ${resendMs} and ${feedbackMs} ms of the two functions`,
  );
}

/** How many requests of 64 KB a full batch is more than the one that was counted; sent and received, for each mail. */
function furtherChunks(): number {
  const further = (batch: number) => (Math.ceil((batch * ASSUMED.messageBytes) / BILLED_BYTES) - 1) / batch;
  return further(SENT_TOGETHER) + further(RESEND_BATCH_SIZE);
}

function gibibyteSeconds(): number {
  const { resendMs, feedbackMs } = ASSUMED;
  return (resendMs * RESEND_MEMORY_MIB + feedbackMs * FEEDBACK_MEMORY_MIB) / 1000 / 1024;
}

function reportAtRest(stage: 'dev' | 'prod'): void {
  const { monitoring } = synthesise({ stage });
  const cost = monitoringCost(monitoring.toJSON(), settingsWith({ stage }));
  const rows: readonly (readonly [string, number])[] = [
    ['dashboards', cost.dashboards.listPrice],
    ['alarms', cost.alarmMetrics.listPrice],
    ['metrics', cost.customMetricsAtRest.listPrice],
    ['polls of two Lambdas', (LAMBDA_POLLERS * POLLS_A_MONTH * PRICE.sqsRequest) / 1e6],
    ['polls of one worker', (POLLS_A_MONTH * PRICE.sqsRequest) / 1e6],
    ['secret', SECRET_MONTH],
  ];
  console.log(`${stage}, at rest, a month by list price:`);
  for (const [what, dollars] of rows) console.log(`  ${what.padEnd(24)} $${dollars.toFixed(2)}`);
  console.log(
    `  together $${rows.reduce((sum, [, dollars]) => sum + dollars, 0).toFixed(2)}; no KMS key, no X-Ray`,
  );
}

let logBytes = 0;
const onLogLine = (line: string) => {
  logBytes += Buffer.byteLength(line);
};
const backend = await startLocalBackend({
  eventWaitSeconds: { least: 60, default: 900, most: 3600 },
  onResendLogLine: onLogLine,
  onFeedbackLogLine: onLogLine,
});
const { aws, ses } = backend.services;
ses.account.maxSendRate = 10_000;
const before = requestsOf(backend.services);
const queue = new SqsFallbackQueue(aws.sqs, aws.fallback.url, 10_000);
const delivered = allDelivered(backend.services);
await Promise.all(Array.from({ length: MAILS }, (_, index) => queue.push(envelopeOf(index))));
await delivered;
report(backend, before, logBytes);
reportAtRest('dev');
reportAtRest('prod');
await backend.close();

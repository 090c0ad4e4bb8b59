/**
 * The cost of a resent mail beyond SES's own price, measured on the emulators: DynamoDB units and SQS
 * requests. Each mail goes through the whole pipeline: handed over in batches as the worker does, claimed,
 * sent, its Send and Delivery events applied, its receipts read and deleted.
 *
 *   npm run bench:cost -- [mails]
 */
import { SqsFallbackQueue } from '../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { packMime } from '../../lib/domain/content.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import { type LocalBackend, startLocalBackend } from '../../lib/emulators/backend.ts';
import type { LocalServices } from '../../lib/emulators/services.ts';
import { createReceiptConsumer } from '../../lib/index.ts';

const MAILS = Number(process.argv[2] ?? 500);

/** In eu-west-1, in US dollars per million; on-demand tables, standard queues. */
const PRICE = { writeUnit: 0.705, readUnit: 0.141, sqsRequest: 0.4 };

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
): void {
  const { readUnits, writeUnits } = services.dynamoDb.capacityUsed();
  console.log(`${MAILS} mails of one recipient, of which SES has taken ${services.ses.mails.length}`);
  let sum = line('DynamoDB write units', writeUnits / MAILS, PRICE.writeUnit);
  sum += line('DynamoDB read units', readUnits / MAILS, PRICE.readUnit);
  for (const [action, count] of requestsOf(services)) {
    sum += line(`SQS ${action}`, (count - (before.get(action) ?? 0)) / MAILS, PRICE.sqsRequest);
  }
  console.log(`  together $${sum.toFixed(2)} for a million mails`);
  const invocations = resendFunction.invocations.started + feedbackFunction.invocations.started;
  console.log(`  invocations of both Lambdas: ${(invocations / MAILS).toFixed(2)} a mail`);
}

const backend = await startLocalBackend({ eventWaitSeconds: { least: 60, default: 900, most: 3600 } });
const { aws, ses } = backend.services;
ses.account.maxSendRate = 10_000;
const before = requestsOf(backend.services);
const queue = new SqsFallbackQueue(aws.sqs, aws.fallback.url, 10_000);
const delivered = allDelivered(backend.services);
await Promise.all(Array.from({ length: MAILS }, (_, index) => queue.push(envelopeOf(index))));
await delivered;
report(backend, before);
await backend.close();

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  FEEDBACK_CALL_TIMEOUT_MS,
  FEEDBACK_ENV,
  FEEDBACK_TIMEOUT_SECONDS,
  NEEDED_FOR_ONE_JOB_MS,
} from '../../../lambda/feedback/constants.ts';
import { DynamoEventLatencies } from '../../../lib/adapters/dynamodb/dynamo-event-latencies.ts';
import { DynamoStatusLedger } from '../../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DynamoSuppressionList } from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { mergeStatuses, type RecipientStatuses } from '../../../lib/domain/delivery-status.ts';
import { parseReceipt, toStatuses } from '../../../lib/domain/receipt.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { bundleLambda } from '../../../lib/infra/lambda-bundle.ts';
import { systemClock } from '../../../lib/ports/runtime.ts';
import { aContext } from '../../support/a-context.ts';
import { aRecord } from '../../support/a-record.ts';
import { aSend } from '../../support/an-event.ts';
import { readMetrics } from '../../support/emf-document.ts';
import { eventsOfThree, FATES_OF_THREE } from '../../support/events-of-three.ts';
import { takeAll } from '../../support/queue-contents.ts';

const ENOUGH_MS = NEEDED_FOR_ONE_JOB_MS + 1_000;
const timeoutMs = FEEDBACK_CALL_TIMEOUT_MS;

describe('the handler of the feedback Lambda', () => {
  const before = { ...process.env };
  const env: Record<string, string> = {};
  const folder = mkdtempSync(join(tmpdir(), 'feedback-bundle-'));
  let aws: SqsAndS3;
  let dynamoDb: LocalDynamoDb;
  let receipts: LocalQueue;
  let ledger: DynamoStatusLedger;

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    dynamoDb = await startDynamoDb();
    receipts = await aws.createQueue('receipts');
    ledger = new DynamoStatusLedger(
      dynamoDb.client,
      { tableName: dynamoDb.ledgerTable, retentionDays: 90, timeoutMs },
      systemClock,
    );
    Object.assign(env, {
      [FEEDBACK_ENV.queueUrl]: (await aws.createQueue('feedback')).url,
      [FEEDBACK_ENV.deadLetterQueueUrl]: aws.deadLetters.url,
      [FEEDBACK_ENV.receiptsQueueUrl]: receipts.url,
      [FEEDBACK_ENV.ledgerTable]: dynamoDb.ledgerTable,
      [FEEDBACK_ENV.ledgerRetentionDays]: '90',
      [FEEDBACK_ENV.suppressionTable]: dynamoDb.suppressionTable,
      [FEEDBACK_ENV.softBounceLimit]: '3',
      [FEEDBACK_ENV.softBounceWindowDays]: '7',
      [FEEDBACK_ENV.fromDomain]: 'keybuzz.io',
      [FEEDBACK_ENV.reputationFuse]: 'on',
      [FEEDBACK_ENV.metricsNamespace]: 'keybuzz/mail',
      [FEEDBACK_ENV.metricsStage]: 'dev',
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: aws.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    });
    Object.assign(process.env, env);
  });

  afterAll(async () => {
    process.env = before;
    rmSync(folder, { recursive: true });
    await aws.close();
    await dynamoDb.close();
  });

  async function handle(bodies: readonly string[], remainingMs = ENOUGH_MS) {
    const { handler } = await import('../../../lambda/feedback/handler.ts');
    return handler({ Records: bodies.map((body) => aRecord(body)) }, aContext(remainingMs));
  }

  /** The statuses of a delivery by the receipts in the queue. */
  async function known(deliveryId: string): Promise<RecipientStatuses> {
    const messages = await takeAll(aws, receipts);
    return messages
      .map(({ Body }) => parseReceipt(Body ?? ''))
      .flatMap((parsed) => (parsed.kind === 'receipt' ? [parsed.receipt] : []))
      .filter(({ id }) => id === deliveryId)
      .map(toStatuses)
      .reduce<RecipientStatuses>(mergeStatuses, {});
  }

  it('ends in the same state in DynamoDB for any order of the events', async () => {
    const suppressions = new DynamoSuppressionList(dynamoDb.client, {
      tableName: dynamoDb.suppressionTable,
      policy: { softBounces: 3, windowDays: 7 },
      timeoutMs,
    });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 2, 5], { minLength: 8 }),
        fc.integer({ min: 1, max: 8 }),
        async (order, size) => {
          const id = `reply-${++runs}`;
          const events = eventsOfThree(id);
          const bodies = order.map((index) => events[index] ?? '');
          for (let start = 0; start < bodies.length; start += size) {
            const response = await handle(bodies.slice(start, start + size));
            expect(response.batchItemFailures).toEqual([]);
          }
          expect((await ledger.read(id, 0))?.statuses).toEqual(FATES_OF_THREE);
          expect(await known(id)).toEqual(FATES_OF_THREE);
        },
      ),
      { numRuns: 10 },
    );
    const found = await suppressions.find(Object.keys(FATES_OF_THREE), new Date());
    expect([...found].map(([address, { reason }]) => [address, reason])).toEqual(
      expect.arrayContaining([
        ['bruno@example.org', 'complaint'],
        ['clara@example.org', 'complaint'],
      ]),
    );
    expect(found.size).toBe(2);
  });

  it('loses nothing if two invocations apply events of one send batch at the same time', async () => {
    const events = eventsOfThree('raced');

    const responses = await Promise.all(events.map((event) => handle([event])));

    // An invocation that lost too many races gets its events again.
    for (const [index, { batchItemFailures }] of responses.entries()) {
      if (batchItemFailures.length > 0) await handle([events[index] ?? '']);
    }
    expect((await ledger.read('raced', 0))?.statuses).toEqual(FATES_OF_THREE);
    expect(await known('raced')).toEqual(FATES_OF_THREE);
  });

  it('records the latency of a Send event', async () => {
    const latencies = new DynamoEventLatencies(dynamoDb.client, {
      tableName: dynamoDb.ledgerTable,
      timeoutMs,
    });
    const sentAt = new Date(Date.now() - 3_000);
    const count = async () => (await latencies.recent(new Date())).counts.reduce((sum, one) => sum + one, 0);
    const counted = await count();

    await handle([aSend({ deliveryId: 'measured', sentAt: sentAt.toISOString() })]);

    expect(await count()).toBe(counted + 1);
    expect((await latencies.recent(new Date())).newestSentAt).toEqual(sentAt);
  });

  it('dead-letters what it cannot parse', async () => {
    expect((await handle(['no JSON'])).batchItemFailures).toEqual([]);

    const [deadLetter] = await takeAll(aws, aws.deadLetters);
    expect(deadLetter).toMatchObject({
      Body: 'no JSON',
      MessageAttributes: { cause: { StringValue: 'not-json' } },
    });
  });

  it('begins nothing if too little time is left in the invocation', async () => {
    const late = aSend({ deliveryId: 'late' });

    expect((await handle([late], NEEDED_FOR_ONE_JOB_MS)).batchItemFailures).toHaveLength(1);
    expect(await ledger.read('late', 0)).toBeUndefined();
    expect((await handle([late])).batchItemFailures).toHaveLength(0);
    expect(await ledger.read('late', 0)).toMatchObject({ state: 'sent' });
  });

  it('has time limits for several jobs in one invocation', () => {
    expect(2 * NEEDED_FOR_ONE_JOB_MS).toBeLessThan(FEEDBACK_TIMEOUT_SECONDS * 1000);
  });

  it('loads as a bundle on its own, in the environment that the stack sets, and writes its metrics', async () => {
    const { directory } = bundleLambda('feedback', folder);
    const event = JSON.stringify({ Records: [aRecord('no event of marie@example.org')] });
    const script = `
      const { handler } = await import(${JSON.stringify(pathToFileURL(join(directory, 'index.mjs')))});
      console.log(JSON.stringify(await handler(${event}, { getRemainingTimeInMillis: () => 60000 })));`;

    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: folder,
      env,
    });
    const lines = (await run).stdout.trim().split('\n');

    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ batchItemFailures: [] });
    const embedded = lines.filter((line) => '_aws' in JSON.parse(line));
    expect(readMetrics(embedded)).toEqual(new Map([['keybuzz/mail stage=dev EventsUnreadable', [1]]]));
    expect(lines.join()).not.toContain('marie');
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(1);
  });
});

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { type BatchDeps, resendBatch } from '../../../lambda/resend/batch.ts';
import { MAX_BYTES_IN_MEMORY } from '../../../lambda/resend/constants.ts';
import { SendTurns, type SendTurnsDeps } from '../../../lambda/resend/send-turns.ts';
import { DynamoDeliveredAddresses } from '../../../lib/adapters/dynamodb/dynamo-delivered-addresses.ts';
import { DynamoLedger } from '../../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DynamoSendingState } from '../../../lib/adapters/dynamodb/dynamo-sending-state.ts';
import { DynamoSuppressionList } from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { MailContentComposer } from '../../../lib/adapters/mime/compose-mail.ts';
import { S3PayloadSource } from '../../../lib/adapters/s3/s3-payload-source.ts';
import { SesAccountLimits } from '../../../lib/adapters/ses/ses-account-limits.ts';
import { SesV1Sender } from '../../../lib/adapters/ses/ses-v1-sender.ts';
import { SqsDeadLetters } from '../../../lib/adapters/sqs/sqs-dead-letters.ts';
import { SqsFallbackQueue } from '../../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { SqsReceiptQueue } from '../../../lib/adapters/sqs/sqs-receipt-queue.ts';
import { WeightLimit } from '../../../lib/common/async.ts';
import { HOUR_MS } from '../../../lib/common/time.ts';
import { parseReceipt, type Receipt } from '../../../lib/domain/receipt.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import { systemClock } from '../../../lib/ports/runtime.ts';
import { CountedMetrics } from '../../support/counted-metrics.ts';
import { takeAll } from '../../support/queue-contents.ts';

const CALL_TIMEOUT_MS = 5_000;

/** A dead letter: its attributes and the body. */
interface ParkedMessage {
  readonly cause: string | undefined;
  readonly detail: string | undefined;
  readonly deliveryId: string | undefined;
  readonly tenantId: string | undefined;
  readonly body: string;
}

/** The logic of the resend Lambda with real peers: emulated SQS, S3 and DynamoDB, and the SES double. */
class ResendBench {
  aws!: SqsAndS3;
  dynamoDb!: LocalDynamoDb;
  #receipts!: LocalQueue;
  held!: LocalQueue;
  delivered!: DynamoDeliveredAddresses;
  ses!: SesDouble;
  deps!: BatchDeps;
  logged: string[] = [];
  metrics = new CountedMetrics();
  postponed: { receiptHandle: string; delaySeconds: number }[] = [];

  async start(): Promise<void> {
    this.aws = await startSqsAndS3({ visibilitySeconds: 30 });
    this.dynamoDb = await startDynamoDb();
    this.#receipts = await this.aws.createQueue('receipts');
    this.held = await this.aws.createQueue('held');
    this.delivered = new DynamoDeliveredAddresses(this.dynamoDb.client, {
      tableName: this.dynamoDb.ledgerTable,
      timeoutMs: CALL_TIMEOUT_MS,
      retentionDays: 90,
    });
  }

  /** For each test: an SES without mail, and empty queues. Ids are never used twice. */
  async reset(): Promise<void> {
    const { aws, dynamoDb } = this;
    this.logged = [];
    this.metrics = new CountedMetrics();
    this.postponed = [];
    await this.forgetSendingState();
    this.ses = await startSesDouble({
      identities: ['keybuzz.io'],
      configurationSets: ['keybuzz-mail'],
      maxSendRate: 10_000,
      max24HourSend: -1,
    });
    const client = { region: 'eu-west-1', endpoint: this.ses.url, credentials: { ...aws.credentials } };
    const write = (event: string, fields?: object) => this.logged.push(JSON.stringify({ event, ...fields }));
    const table = (tableName: string) => ({ tableName, timeoutMs: CALL_TIMEOUT_MS });
    this.deps = {
      ses: new SesV1Sender('keybuzz-mail', 2_000, client),
      ledger: new DynamoLedger(
        dynamoDb.client,
        { ...table(dynamoDb.ledgerTable), retentionDays: 90 },
        systemClock,
      ),
      suppressions: new DynamoSuppressionList(dynamoDb.client, {
        ...table(dynamoDb.suppressionTable),
        policy: { softBounces: 3, windowDays: 7 },
      }),
      exemptTenants: [],
      turns: this.turns(),
      delivered: this.delivered,
      memory: new WeightLimit(MAX_BYTES_IN_MEMORY),
      isHeld: false,
      deadline: new Date(Date.now() + HOUR_MS),
      latencies: { recent: async () => ({ counts: [] }) },
      backlog: { anyWaiting: async () => false },
      eventWait: { leastMs: 60_000, defaultMs: 900_000, mostMs: HOUR_MS },
      sources: {
        payloads: async () => new S3PayloadSource(aws.s3, aws.bucket, CALL_TIMEOUT_MS),
        composer: async () => new MailContentComposer(),
      },
      queue: new SqsFallbackQueue(aws.sqs, aws.fallback.url, CALL_TIMEOUT_MS),
      heldQueue: new SqsFallbackQueue(aws.sqs, this.held.url, CALL_TIMEOUT_MS),
      receipts: new SqsReceiptQueue(aws.sqs, this.#receipts.url, CALL_TIMEOUT_MS),
      deadLetters: new SqsDeadLetters(aws.sqs, aws.deadLetters.url, CALL_TIMEOUT_MS),
      redelivery: {
        postpone: async ({ receiptHandle }, delaySeconds) => {
          this.postponed.push({ receiptHandle, delaySeconds });
        },
      },
      region: 'eu-west-1',
      fromDomain: 'keybuzz.io',
      clock: systemClock,
      random: () => 0.5,
      newToken: randomUUID,
      hasTime: () => true,
      log: { info: write, warn: write, error: write },
      metrics: this.metrics,
    };
  }

  /** The calls that send; not those that ask for the quota. */
  get sends() {
    return this.ses.calls.filter(({ operation }) => operation.startsWith('Send'));
  }

  /** As before the first mail. */
  async forgetSendingState(): Promise<void> {
    const { client, ledgerTable } = this.dynamoDb;
    const Key = { id: { S: 'sending' }, part: { N: '0' } };
    await client.send(new DeleteItemCommand({ TableName: ledgerTable, Key }));
  }

  /** Those of a function that was just started. */
  turns(overrides: Partial<SendTurnsDeps> = {}): SendTurns {
    const { aws, dynamoDb, ses } = this;
    const client = { region: 'eu-west-1', endpoint: ses.url, credentials: { ...aws.credentials } };
    return new SendTurns({
      store: new DynamoSendingState(dynamoDb.client, {
        tableName: dynamoDb.ledgerTable,
        timeoutMs: CALL_TIMEOUT_MS,
      }),
      limits: new SesAccountLimits(CALL_TIMEOUT_MS, client),
      hasFuse: true,
      clock: systemClock,
      sleep: delay,
      random: () => 0.5,
      ...overrides,
    });
  }

  async clear(): Promise<void> {
    this.aws.heal();
    this.dynamoDb.heal();
    for (const queue of [this.aws.fallback, this.aws.deadLetters, this.#receipts, this.held])
      await takeAll(this.aws, queue);
    await this.ses.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.aws.close(), this.dynamoDb.close()]);
  }

  /** Runs the Lambda's logic on a batch. */
  resend(records: Parameters<typeof resendBatch>[0], overrides: Partial<BatchDeps> = {}) {
    return resendBatch(records, { ...this.deps, ...overrides });
  }

  /** Receives and deletes the dead letters. */
  async parked(): Promise<ParkedMessage[]> {
    const messages = await takeAll(this.aws, this.aws.deadLetters);
    return messages.map(({ Body = '', MessageAttributes }) => ({
      cause: MessageAttributes?.cause?.StringValue,
      detail: MessageAttributes?.detail?.StringValue,
      deliveryId: MessageAttributes?.deliveryId?.StringValue,
      tenantId: MessageAttributes?.tenantId?.StringValue,
      body: Body,
    }));
  }

  /** Receives and deletes the receipts to the API. */
  async told(): Promise<Receipt[]> {
    const messages = await takeAll(this.aws, this.#receipts);
    return messages.map(({ Body = '' }) => {
      const parsed = parseReceipt(Body);
      if (parsed.kind !== 'receipt') throw new Error(`the queue holds no receipt: ${parsed.detail}`);
      return parsed.receipt;
    });
  }

  async storePayload(key: string, mime: Buffer): Promise<void> {
    const { s3, bucket } = this.aws;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: mime }));
  }
}

/** A bench for the tests of a file: started once, and reset for each of them. */
export function useResendBench(): ResendBench {
  const bench = new ResendBench();
  beforeAll(() => bench.start());
  afterAll(() => bench.close());
  beforeEach(() => bench.reset());
  afterEach(() => bench.clear());
  return bench;
}

/** This many different addresses. */
export function recipients(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);
}

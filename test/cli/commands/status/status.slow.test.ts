import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SqsDeadLetters } from '../../../../lib/adapters/sqs/sqs-dead-letters.ts';
import { withWords } from '../../../../lib/cli/lookups/timeline/status-events.ts';
import { serialiseFallbackMessage } from '../../../../lib/domain/fallback-message.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../../../lib/emulators/ses/ses-double.ts';
import { anEnvelope } from '../../../support/an-envelope.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { type OutboxDatabase, OutboxServer } from '../../../support/outbox-database.ts';
import { takeAll } from '../../../support/queue-contents.ts';
import { aMinute, recordDelivery } from '../../../support/recorded-delivery.ts';
import { dataOf, type MailctlRun, runMailctl } from '../../../support/run-mailctl.ts';

let account: AwsAccountDouble;
let aws: SqsAndS3;
let dynamoDb: LocalDynamoDb;
let ses: SesDouble;
let server: OutboxServer;
let database: OutboxDatabase;

beforeAll(async () => {
  [aws, dynamoDb, ses, server] = await Promise.all([
    startSqsAndS3({ visibilitySeconds: 30 }),
    startDynamoDb(),
    startSesDouble(),
    OutboxServer.start(),
  ]);
  database = await server.database();
  const { fallback, urgent, deadLetters } = aws;
  const { ledgerTable, suppressionTable } = dynamoDb;
  const resources = { fallback, urgent, deadLetters, ledgerTable, suppressionTable };
  account = await startAwsAccount({ account: deployedAccount({ resources }) });
});

afterAll(() =>
  Promise.all([
    account.close(),
    aws.close(),
    dynamoDb.close(),
    ses.close(),
    database.close(),
    server.close(),
  ]),
);

interface Shown {
  readonly source: string;
  readonly what: string;
  readonly words?: string;
}

interface Options {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

function status(id: string, { args = [], env = {} }: Options = {}): Promise<MailctlRun> {
  return runMailctl(['--json', 'status', id, ...args], {
    ...account.environment,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_SESV2: ses.url,
    DATABASE_URL: database.connectionString,
    ...env,
  });
}

describe('mailctl status', () => {
  it('prints the whole history in chronological order', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-1');
    const { code, stdout } = await status('reply-1');
    const shown = dataOf(stdout);
    expect(code).toBe(1);
    const printed = shown.events.map(({ source, what, words }: Shown) => [source, withWords(what, words)]);
    expect(printed).toEqual([
      ['row', 'the API asked for it'],
      [
        'row',
        'handed over for 2 (SQS queue-1), since SMTP did not take it: rejected: 550 5.7.1 <m***@example.org>: relay denied',
      ],
      ['ledger', 'part 0: the resend Lambda offered it to SES'],
      ['ledger', 'part 0: SES took it as ses-1'],
      ['row, ledger', 'delivered'],
      ['ledger', 'bounced (Permanent/General): 550 5.1.1 <p***@example.org>: no such user'],
      [
        'suppression list',
        "put on the pipeline's list (hard-bounce, by delivery reply-1); nothing is sent to it",
      ],
    ]);
    const times = shown.events.map(({ at }: { at: string }) => at);
    expect(times).toEqual(times.toSorted());
    expect(shown.recipients).toMatchObject([
      { address: 'm***@example.org', state: 'delivered' },
      { address: 'p***@example.org', state: expect.stringMatching(/^bounced/) },
    ]);
    expect(shown.concerns).toContain('lost for 1 of 2 recipients');
    expect(stdout).not.toMatch(/marie@|paul@/);
  });

  it('shows addresses with --addresses', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-2');
    const { stdout } = await status('reply-2', { args: ['--addresses'] });
    expect(dataOf(stdout).recipients).toMatchObject([
      { address: 'marie@example.org' },
      { address: 'paul@example.org' },
    ]);
    expect(stdout).toContain('550 5.1.1 <paul@example.org>: no such user');
  });

  it('prints it as a table, too', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-3');
    const { stdout } = await runMailctl(['status', 'reply-3'], {
      ...account.environment,
      DATABASE_URL: database.connectionString,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SQS: aws.endpoint,
      AWS_ENDPOINT_URL_SESV2: ses.url,
    });
    expect(stdout).toMatch(/^reply-3, tenant tenant-1, the row says failed$/m);
    expect(stdout).toMatch(/^when +known by +what +for *$/m);
    expect(stdout).toMatch(/row, ledger +delivered +m\*\*\*@example\.org/);
  });

  it('exits with 0 for a mail that SMTP accepted', async () => {
    const accepted = {
      at: aMinute(1).toISOString(),
      outcome: 'taken',
      durationMs: 5,
      worker: 'worker-1',
      smtp: { recipients: ['marie@example.org'], response: '250 queued' },
    };
    const [id = ''] = await database.insert({
      status: 'delivered',
      provider: 'smtp',
      delivery_trace: { attempts: [accepted] },
    });
    const { code, stdout } = await status(id);
    expect(code).toBe(0);
    expect(dataOf(stdout)).toMatchObject({ recipients: [{ state: 'taken by SMTP' }], concerns: [] });
  });

  it('skips the row if no database is configured', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-4');
    const { code, stdout } = await status('reply-4', { env: { DATABASE_URL: undefined } });
    const { places, events } = dataOf(stdout);
    expect(places.row).toEqual({ state: 'skipped', detail: expect.stringContaining('DATABASE_URL') });
    expect(events[0].source).toBe('ledger');
    expect(code).toBe(1);
  });

  it('prints the rest if the database is down, and how to fix that', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-5');
    const { code, stdout } = await status('reply-5', {
      env: { DATABASE_URL: 'postgresql://user:secret@127.0.0.1:1/none' },
    });
    const { places, events } = dataOf(stdout);
    expect(code).toBe(1);
    expect(places.row).toMatchObject({ state: 'failed', fix: expect.stringContaining('DATABASE_URL') });
    expect(events.length).toBeGreaterThan(2);
    expect(stdout).not.toContain('secret');
  });

  it('prints the rest if the URL of the database has a parameter that is not known, and names it', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-5b');
    const { code, stdout } = await status('reply-5b', {
      env: { DATABASE_URL: 'postgresql://user:secret@127.0.0.1:1/none?shema=api' },
    });
    const { places, events } = dataOf(stdout);
    expect(code).toBe(1);
    expect(places.row).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('shema is not known'),
    });
    expect(events.length).toBeGreaterThan(2);
    expect(stdout).not.toContain('secret');
  });

  it('prints the row if AWS denies access', async () => {
    await recordDelivery({ database, dynamoDb }, 'reply-6');
    account.fault({ fault: { kind: 'denied' }, on: { action: 'DescribeStacks' } });
    const { code, stdout } = await status('reply-6');
    account.heal();
    const { places, status: rowStatus } = dataOf(stdout);
    expect([code, rowStatus]).toEqual([1, 'failed']);
    expect([places.ledger.state, places['dead letters'].state]).toEqual(['failed', 'failed']);
  });

  it('finds the dead letter, and leaves all dead letters in the queue', async () => {
    const box = new SqsDeadLetters(aws.sqs, aws.deadLetters.url, 5_000);
    for (let index = 0; index < 25; index += 1) {
      const envelope = anEnvelope({ id: `other-${index}` });
      await box.park(serialiseFallbackMessage(envelope), {
        cause: 'x',
        detail: 'y',
        deliveryId: envelope.id,
      });
    }
    const envelope = anEnvelope({ id: 'reply-7' });
    const why = {
      cause: 'sender-not-allowed',
      detail: 'the From is of another domain',
      deliveryId: 'reply-7',
    };
    await box.park(serialiseFallbackMessage(envelope), why);
    const { code, stdout } = await status('reply-7');
    const { events, concerns } = dataOf(stdout);
    expect(code).toBe(1);
    expect(events).toMatchObject([
      { source: 'dead letters', what: 'parked: sender-not-allowed', words: 'the From is of another domain' },
    ]);
    expect(concerns).toContain('1 dead letters: mailctl dlq show reply-7');
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(26);
  });

  it('finds the dead letter that SQS moved by itself', async () => {
    const body = serialiseFallbackMessage(anEnvelope({ id: 'reply-8' }));
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.deadLetters.url, MessageBody: body }));
    const { code, stdout } = await status('reply-8');
    expect(code).toBe(1);
    expect(dataOf(stdout).events).toMatchObject([{ source: 'dead letters' }]);
  });

  it('exits with 2 if the id is unknown', async () => {
    const { code, stdout } = await status('never-was');
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'UNKNOWN_DELIVERY' });
  });

  it('does not call the id unknown if the database was not queried', async () => {
    const { code, stdout } = await status('never-was', { env: { DATABASE_URL: undefined } });
    const { error, concerns, places } = dataOf(stdout);
    expect([code, error, places.row.state]).toEqual([2, undefined, 'skipped']);
    expect(concerns).toEqual([expect.stringMatching(/not read: the row .*DATABASE_URL/)]);
  });
});

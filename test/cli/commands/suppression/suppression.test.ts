import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DynamoSuppressionEntries,
  DynamoSuppressionReports,
} from '../../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { DEFAULT_SOFT_BOUNCES } from '../../../../lib/cli/lookups/suppression-lists.ts';
import type { SuppressionSignal } from '../../../../lib/domain/suppression.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../../../lib/emulators/ses/ses-double.ts';
import { readSettings } from '../../../../lib/infra/settings.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, type MailctlRun, runMailctl } from '../../../support/run-mailctl.ts';

let account: AwsAccountDouble;
let dynamoDb: LocalDynamoDb;
let ses: SesDouble;
let reports: DynamoSuppressionReports;
let entries: DynamoSuppressionEntries;

beforeAll(async () => {
  [dynamoDb, ses] = await Promise.all([startDynamoDb(), startSesDouble()]);
  account = await startAwsAccount({
    account: deployedAccount({ resources: { suppressionTable: dynamoDb.suppressionTable } }),
  });
  const options = { tableName: dynamoDb.suppressionTable, timeoutMs: 5_000, policy: DEFAULT_SOFT_BOUNCES };
  reports = new DynamoSuppressionReports(dynamoDb.client, options);
  entries = new DynamoSuppressionEntries(dynamoDb.client, options);
});

beforeEach(async () => {
  ses.clearFaults();
  dynamoDb.heal();
  ses.account.sandbox = false;
  for (const { address } of ses.account.suppressionList.list()) ses.account.suppressionList.delete(address);
  await clearTable();
});

afterAll(() => Promise.all([account.close(), dynamoDb.close(), ses.close()]));

/** Clears the pipeline's suppression table. */
async function clearTable(): Promise<void> {
  const { client, suppressionTable: TableName } = dynamoDb;
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  for (const { address } of Items) {
    if (address !== undefined) await client.send(new DeleteItemCommand({ TableName, Key: { address } }));
  }
}

function suppression(...args: string[]): Promise<MailctlRun> {
  return runMailctl(['--json', 'suppression', ...args], {
    ...account.environment,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  });
}

/** The output of `ls` for these addresses. */
async function shown(...addresses: string[]) {
  const { stdout } = await suppression('ls', ...addresses);
  return dataOf(stdout).addresses;
}

function aSignal(kind: SuppressionSignal['kind'], at: Date, deliveryId = 'reply-1'): SuppressionSignal {
  return { kind, at, deliveryId, sesMessageId: `ses-${deliveryId}` };
}

describe('mailctl suppression ls', () => {
  it('shows both lists as one, the newest first, addresses masked', async () => {
    await reports.report('both@example.org', aSignal('complaint', new Date(), 'reply-2'));
    await reports.report('pipeline@example.org', aSignal('hard-bounce', new Date(Date.now() - 1000)));
    ses.account.suppressionList.put({ address: 'Both@example.org', reason: 'BOUNCE', updatedAt: new Date() });
    const since = new Date('2026-01-02T03:04:05Z');
    ses.account.suppressionList.put({ address: 'ses@example.org', reason: 'COMPLAINT', updatedAt: since });
    const { code, stdout } = await suppression('ls');
    const { addresses, unavailable } = dataOf(stdout);
    expect(code).toBe(0);
    expect(unavailable).toEqual([]);
    expect(addresses).toMatchObject([
      { address: 'b***@example.org', reason: 'complaint', where: 'both', deliveryId: 'reply-2' },
      { address: 'p***@example.org', reason: 'hard-bounce', where: 'pipeline', deliveryId: 'reply-1' },
      { address: 's***@example.org', reason: 'complaint', where: 'ses', since: since.toISOString() },
    ]);
    expect(stdout).not.toMatch(/both@|pipeline@|ses@/i);
  });

  it('shows full addresses with --addresses', async () => {
    await entries.add('marie@example.org', new Date());
    const { stdout } = await suppression('ls', '--addresses');
    expect(dataOf(stdout).addresses).toMatchObject([{ address: 'marie@example.org', reason: 'manual' }]);
  });

  it('shows addresses that are on neither list if they are given as arguments', async () => {
    const { code, stdout } = await suppression('ls', 'marie@example.org');
    expect(code).toBe(0);
    expect(dataOf(stdout)).toEqual({
      addresses: [{ address: 'marie@example.org', where: 'neither' }],
      unavailable: [],
    });
  });

  it('reads all pages of the list of SES', async () => {
    const updatedAt = new Date();
    for (let index = 0; index < 250; index += 1) {
      ses.account.suppressionList.put({ address: `a${index}@example.org`, reason: 'BOUNCE', updatedAt });
    }
    const { stdout } = await suppression('ls', '--addresses');
    const found = dataOf(stdout).addresses.map(({ address }: { address: string }) => address);
    expect(new Set(found).size).toBe(250);
  });

  it('counts soft bounces by the given rule', async () => {
    await reports.report('full@example.org', aSignal('soft-bounce', new Date(), 'reply-1'));
    await reports.report('full@example.org', aSignal('soft-bounce', new Date(), 'reply-2'));
    expect(dataOf((await suppression('ls')).stdout).addresses).toEqual([]);
    const { stdout } = await suppression('ls', '--soft-bounce-limit', '2');
    expect(dataOf(stdout).addresses).toMatchObject([{ reason: 'soft-bounces', deliveryId: 'reply-2' }]);
  });

  it('uses the rule of the stack by default', () => {
    const read = readSettings({});
    if (read.kind === 'invalid') throw new Error(read.message);
    const { softBounceLimit, softBounceWindowDays } = read.settings;
    expect(DEFAULT_SOFT_BOUNCES).toEqual({ softBounces: softBounceLimit, windowDays: softBounceWindowDays });
  });

  it('shows one list if the other is not available, and exits with 1', async () => {
    await entries.add('marie@example.org', new Date());
    const effect = { kind: 'error', code: 'AccessDeniedException', message: 'not you', status: 403 } as const;
    ses.fault({ effect, when: ({ operation }) => operation === 'ListSuppressedDestinations' });
    const { code, stdout } = await suppression('ls');
    const { addresses, unavailable } = dataOf(stdout);
    expect(code).toBe(1);
    expect(addresses).toMatchObject([{ address: 'm***@example.org', where: 'pipeline' }]);
    expect(addresses[0].notAsked).toEqual(['ses']);
    expect(unavailable).toMatchObject([{ list: 'ses', failure: { code: 'AccessDeniedException' } }]);
  });

  it('does not say who is not on a list that is not available', async () => {
    dynamoDb.fault({ fault: { kind: 'denied' }, on: { action: 'Scan' } });
    const all = await runMailctl(['suppression', 'ls'], {
      ...account.environment,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SESV2: ses.url,
    });
    expect(all.stdout).toContain('No address is on the list of SES. Not asked: the pipeline.');
    const effect = { kind: 'error', code: 'AccessDeniedException', message: 'not you', status: 403 } as const;
    ses.fault({ effect, when: ({ operation }) => operation === 'GetSuppressedDestination' });
    expect(await shown('marie@example.org')).toEqual([
      { address: 'marie@example.org', where: 'unknown', notAsked: ['ses'] },
    ]);
  });
});

describe('mailctl suppression add', () => {
  it('changes nothing without a confirmation', async () => {
    const { code, stdout } = await suppression('add', 'marie@example.org');
    expect([code, JSON.parse(stdout).error.code]).toEqual([2, 'NOT_CONFIRMED']);
    expect(await shown('marie@example.org')).toMatchObject([{ where: 'neither' }]);
  });

  it('puts several addresses on both lists', async () => {
    const { code } = await suppression('add', 'marie@example.org', 'Paul@Example.org', '--yes');
    expect(code).toBe(0);
    expect(await shown('marie@example.org', 'paul@example.org')).toMatchObject([
      { where: 'both', reason: 'manual' },
      { where: 'both', reason: 'manual' },
    ]);
    expect(ses.account.suppressionList.get('paul@example.org')?.reason).toBe('BOUNCE');
  });

  it('leaves a complaint as it is', async () => {
    await reports.report('marie@example.org', aSignal('complaint', new Date()));
    ses.account.suppressionList.put({
      address: 'marie@example.org',
      reason: 'COMPLAINT',
      updatedAt: new Date(),
    });
    const { code, stdout } = await suppression('add', 'marie@example.org', '--yes');
    expect(code).toBe(0);
    expect(dataOf(stdout).addresses).toMatchObject([
      { pipeline: { kind: 'unchanged' }, ses: { kind: 'unchanged' } },
    ]);
    expect(ses.account.suppressionList.get('marie@example.org')?.reason).toBe('COMPLAINT');
  });

  it('makes a suppression by soft bounces permanent', async () => {
    for (const id of ['reply-1', 'reply-2', 'reply-3']) {
      await reports.report('full@example.org', aSignal('soft-bounce', new Date(), id));
    }
    await suppression('add', 'full@example.org', '--yes');
    expect(await shown('full@example.org')).toMatchObject([{ where: 'both', reason: 'manual' }]);
  });

  it('exits with 1 in the sandbox, where SES rejects all entries, and says so', async () => {
    ses.account.sandbox = true;
    const { code, stdout } = await suppression('add', 'marie@example.org', '--yes');
    expect(code).toBe(1);
    const [change] = dataOf(stdout).addresses;
    expect(change).toMatchObject({ pipeline: { kind: 'done' }, ses: { kind: 'failed' } });
    expect(change.ses.failure.fix).toContain('mailctl production-access');
    expect(await shown('marie@example.org')).toMatchObject([{ where: 'pipeline' }]);
  });

  it('does not blame the sandbox for another error of SES', async () => {
    const effect = {
      kind: 'error',
      code: 'BadRequestException',
      message: 'bad address',
      status: 400,
    } as const;
    ses.fault({ effect, when: ({ operation }) => operation === 'PutSuppressedDestination' });
    const { stdout } = await suppression('add', 'marie@example.org', '--yes');
    const [change] = dataOf(stdout).addresses;
    expect(change.ses).toMatchObject({ kind: 'failed', failure: { message: 'bad address' } });
    expect(change.ses.failure.fix).not.toContain('sandbox');
  });

  it('exits with 2 if the write to the list of the pipeline fails', async () => {
    dynamoDb.fault({ fault: { kind: 'denied' }, on: { action: 'PutItem' } });
    const { code, stdout } = await suppression('add', 'marie@example.org', '--yes');
    expect(code).toBe(2);
    expect(dataOf(stdout).addresses).toMatchObject([{ pipeline: { kind: 'failed' }, ses: { kind: 'done' } }]);
  });
});

describe('mailctl suppression rm', () => {
  it('removes addresses from both lists', async () => {
    await reports.report('marie@example.org', aSignal('hard-bounce', new Date()));
    ses.account.suppressionList.put({
      address: 'marie@example.org',
      reason: 'BOUNCE',
      updatedAt: new Date(),
    });
    const { code, stdout, stderr } = await suppression('rm', 'Marie@example.org', '--yes');
    expect(code).toBe(0);
    expect(dataOf(stdout).addresses).toMatchObject([
      { address: 'marie@example.org', pipeline: { kind: 'done' }, ses: { kind: 'done' } },
    ]);
    expect(stderr).toMatch(/marie@example\.org .*hard-bounce/);
    expect(await shown('marie@example.org')).toMatchObject([{ where: 'neither' }]);
  });

  it('does nothing for an address on neither list, without a confirmation', async () => {
    const { code, stdout } = await suppression('rm', 'marie@example.org');
    expect([code, dataOf(stdout).addresses]).toEqual([0, []]);
  });

  it('removes an address in the pipeline of which only SES knows so far', async () => {
    const happened = new Date();
    ses.account.suppressionList.put({ address: 'marie@example.org', reason: 'BOUNCE', updatedAt: happened });
    await suppression('rm', 'marie@example.org', '--yes');
    await reports.report('marie@example.org', aSignal('hard-bounce', happened));
    expect(await shown('marie@example.org')).toMatchObject([{ where: 'neither' }]);
  });

  it('exits with 2 if one of the lists still has it', async () => {
    await entries.add('marie@example.org', new Date());
    ses.account.suppressionList.put({
      address: 'marie@example.org',
      reason: 'BOUNCE',
      updatedAt: new Date(),
    });
    dynamoDb.fault({ fault: { kind: 'denied' }, on: { action: 'PutItem' } });
    const { code } = await suppression('rm', 'marie@example.org', '--yes');
    expect(code).toBe(2);
    expect(await shown('marie@example.org')).toMatchObject([{ where: 'pipeline' }]);
  });
});

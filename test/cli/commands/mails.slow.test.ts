import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { deployedAccount } from '../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';
import { dataOf, runMailctl, spawnMailctl } from '../../support/run-mailctl.ts';

let server: OutboxServer;
let database: OutboxDatabase;

beforeAll(async () => {
  server = await OutboxServer.start();
});

beforeEach(async () => {
  database = await server.database();
});

afterEach(() => database.close());

afterAll(() => server.close());

const mailctl = (...args: readonly string[]) =>
  runMailctl(args, { DATABASE_URL: database.connectionString, COLUMNS: '200' });

describe('mailctl mails', () => {
  it('lists the deliveries of a recipient in a state since a time, with masked addresses', async () => {
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    await database.insert(
      {
        id: 'failed-1',
        status: 'failed',
        last_error: '550 <marie@example.org> unknown',
        created_at: hoursAgo(1),
      },
      { id: 'delivered-1', status: 'delivered', created_at: hoursAgo(1) },
      { id: 'old-1', status: 'failed', created_at: hoursAgo(3) },
      { id: 'foreign-1', status: 'failed', target_address: 'paul@example.org' },
    );
    const { code, stdout } = await mailctl(
      'mails',
      '--to',
      'marie@example.org',
      '--since',
      '2h',
      '--state',
      'failed',
    );

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^failed-1 +tenant-1 +failed +email +[\d-]+ [\d:]+ \(1h 0m ago\) +m\*\*\*@example\.org +550/m,
    );
    expect(stdout).not.toMatch(/delivered-1|old-1|foreign-1|marie@/);
  });

  it('exits with 1 if there is none, with 2 without a database, with 64 for a wrong time', async () => {
    expect(await mailctl('mails', '--to', 'nobody@example.org')).toMatchObject({ code: 1 });
    expect(await runMailctl(['mails'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DATABASE_URL'),
    });
    expect(await mailctl('mails', '--since', 'yesterday')).toMatchObject({ code: 64 });
  });
});

describe('a search with several flags', () => {
  const idsIn = (stdout: string) => dataOf(stdout).rows.map(({ id }: { readonly id: string }) => id);

  it('lists the mail that a reply answers, by the Message-ID of SES', async () => {
    const sesId = '0102018f00000001-0a1b2c3d-000000';
    await database.insert({ id: 'answered' }, { id: 'other' });
    await database.query(`UPDATE outbound_deliveries SET search_message_ids = $1 WHERE id = 'answered'`, [
      [sesId],
    ]);
    const { stdout } = await mailctl('--json', 'mails', '--id', `<${sesId}@eu-west-1.amazonses.com>`);

    expect(idsIn(stdout)).toEqual(['answered']);
  });

  it('lists a class of failure of one tenant between two times', async () => {
    const day = (date: number) => `2026-05-0${date}T12:00:00Z`;
    await database.insert(
      { id: 'early', tenant_id: 'shop-7', created_at: day(1) },
      { id: 'wanted', tenant_id: 'shop-7', created_at: day(2) },
      { id: 'foreign', tenant_id: 'shop-8', created_at: day(2) },
      { id: 'late', tenant_id: 'shop-7', created_at: day(3) },
      { id: 'well', tenant_id: 'shop-7', created_at: day(2) },
    );
    await database.query(`UPDATE outbound_deliveries SET search_class = 'tls' WHERE id <> 'well'`);
    const { stdout } = await mailctl(
      ...['--json', 'mails', '--tenant', 'shop-7', '--class', 'tls'],
      ...['--from', '2026-05-02', '--until', '2026-05-03T14:00:00+02:00'],
    );

    expect(idsIn(stdout)).toEqual(['wanted']);
    expect(dataOf(stdout).rows[0]).toMatchObject({ failureClass: 'tls' });
  });

  it('goes on to the next page with the cursor that it names', async () => {
    await database.insert(
      ...[1, 2, 3].map((minute) => ({
        id: `m-${minute}`,
        created_at: new Date(Date.UTC(2026, 0, 1, 0, minute)),
      })),
    );
    const first = await mailctl('mails', '--limit', '2');
    const cursor = /The next page: the same with --cursor (\S+)\n$/.exec(first.stdout)?.[1] ?? '';
    const second = dataOf((await mailctl('--json', 'mails', '--limit', '2', '--cursor', cursor)).stdout);

    expect(first.stdout).toMatch(/^m-3 .*\nm-2 /m);
    expect(first.stdout).not.toContain('m-1');
    expect(second).toMatchObject({ rows: [{ id: 'm-1' }], cursor: null });
  });

  it.each([
    ['--class', 'boring'],
    ['--from', 'yesterday'],
    ['--until', '2026-02-31T99:00:00Z'],
    ['--cursor', 'WyJub3ciLCJhIl0'],
    ['--id', ' '],
    ['--from', '2026-05-02', '--since', '2h'],
  ])('refuses what is no %s', async (...flags) => {
    expect(await mailctl('mails', ...flags)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(flags[0] ?? ''),
    });
  });
});

describe('mailctl status of an address', () => {
  it('lists its deliveries, newest first', async () => {
    await database.insert(
      { id: 'older', created_at: new Date(Date.now() - 60_000) },
      { id: 'newer' },
      { id: 'foreign', target_address: 'paul@example.org' },
    );
    const { code, stdout } = await mailctl('--json', 'status', 'Marie@example.org');

    expect(code).toBe(0);
    expect(dataOf(stdout).rows.map(({ id }: { readonly id: string }) => id)).toEqual(['newer', 'older']);
  });

  it('still takes an id that looks like an address for an id', async () => {
    await database.insert({ id: 'abc@keybuzz.io' });
    const { stdout } = await mailctl('--json', 'status', 'abc@keybuzz.io');

    expect(dataOf(stdout)).toMatchObject({ id: 'abc@keybuzz.io', status: 'queued' });
  });
});

describe('the recipient of a listed mail', () => {
  it('is the first of the mail itself if the row names none', async () => {
    await database.insert({
      id: 'no-target',
      target_address: null,
      mail: { from: 'a@keybuzz.io', to: ['Zoe <zoe@shop.example>', 'b@shop.example'], text: 'x' },
    });
    const { stdout } = await runMailctl(['mails', '--to', 'zoe@shop.example'], {
      DATABASE_URL: database.connectionString,
      COLUMNS: '200',
    });

    expect(stdout).toMatch(/^no-target .* Zoe <z\*\*\*@shop\.example>/m);
  });
});

describe('mailctl tail', () => {
  it('prints each outcome once as it comes, until Ctrl-C', async () => {
    await database.insert({ id: 'before', status: 'delivered' });
    const child = spawnMailctl(['--json', 'tail'], { DATABASE_URL: database.connectionString });
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.startsWith('Following')) break;
    }
    const [id = ''] = await database.insert({});
    await settle(id, 'delivered');
    const printed: {
      readonly command: string;
      readonly data: { readonly id: string; readonly state: string };
    }[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(JSON.parse(line));
      if (printed.length === 2) child.kill('SIGINT');
      else if (printed.length === 1) await settle(id, 'failed');
    }
    const seen = printed.map(({ command, data }) => [command, data.id, data.state]);

    expect(seen).toEqual([
      ['tail', id, 'delivered'],
      ['tail', id, 'failed'],
    ]);
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  }, 60_000);
});

const settle = (id: string, status: string) =>
  database.query('UPDATE outbound_deliveries SET status = $2, updated_at = clock_timestamp() WHERE id = $1', [
    id,
    status,
  ]);

describe('mailctl queue', () => {
  let aws: SqsAndS3;
  let account: AwsAccountDouble;

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    account = await startAwsAccount({
      account: deployedAccount({ resources: aws }),
    });
  });

  afterAll(() => Promise.all([aws.close(), account.close()]));

  const queue = (...args: readonly string[]) =>
    runMailctl(args, {
      ...account.environment,
      AWS_ENDPOINT_URL_SQS: aws.endpoint,
      DATABASE_URL: database.connectionString,
      COLUMNS: '200',
    });

  it('shows what waits in the outbox and in SQS, and holds and releases it', async () => {
    await database.insert(
      { id: 'a-1', tenant_id: 'shop-a' },
      { id: 'a-2', tenant_id: 'shop-a' },
      { id: 'b-1' },
    );

    expect(
      dataOf((await queue('--json', '--yes', 'queue', 'hold', '--tenant', 'shop-a')).stdout).ids.sort(),
    ).toEqual(['a-1', 'a-2']);
    const { code, stdout } = await queue('queue');
    expect(code).toBe(0);
    expect(stdout).toContain('outbox: 1 wait, 2 are on hold');
    expect(stdout).toContain('fallback queue: 0 wait');
    expect(stdout).toContain('urgent mail: 0 wait');
    expect(stdout).toMatch(/^a-1 +shop-a +on-hold/m);

    const timeline = await queue('status', 'a-1');
    expect(timeline.stdout).toContain(
      '! it is on hold, and no worker sends it until: mailctl queue release a-1',
    );

    expect((await queue('queue', 'release', 'a-1', 'b-1')).stdout).toBe(
      '1 released, each to the time at which it was due. Unchanged (not on hold): b-1\n',
    );
    expect((await queue('queue')).stdout).toContain('outbox: 2 wait, 1 are on hold');
  });

  it('asks before it holds or releases more than what is named', async () => {
    await database.insert({ id: 'a-1' });

    expect(await queue('queue', 'hold', '--all')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing was changed'),
    });
    expect((await database.row('a-1')).next_retry_at).toBeNull();
  });

  it('refuses to guess which deliveries are meant', async () => {
    expect(await queue('queue', 'hold')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--tenant'),
    });
    expect(await queue('queue', 'hold', 'a-1', '--all')).toMatchObject({ code: 2 });
  });

  it('shows the rest if a place cannot be asked', async () => {
    const { code, stdout } = await runMailctl(['queue'], { DATABASE_URL: database.connectionString });

    expect(code).toBe(1);
    expect(stdout).toContain('outbox: 0 wait, 0 are on hold');
    expect(stdout).toMatch(/fallback queue: failed: .*credentials/);
  });
});

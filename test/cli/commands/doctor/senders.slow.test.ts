import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DAY_MS } from '../../../../lib/common/time.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { type OutboxDatabase, type OutboxRow, OutboxServer } from '../../../support/outbox-database.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';

let server: OutboxServer;
let account: AwsAccountDouble;
let database: OutboxDatabase;

beforeAll(async () => {
  [server, account] = await Promise.all([
    OutboxServer.start(),
    startAwsAccount({ account: deployedAccount() }),
  ]);
});

afterAll(() => Promise.all([server.close(), account.close()]));

beforeEach(async () => {
  database = await server.database();
});

async function examine(env: Record<string, string> = { DATABASE_URL: database.connectionString }) {
  const args = ['--json', 'doctor', '--only', 'fallback'];
  const { stdout } = await runMailctl(args, { ...account.environment, ...env });
  const checks: { name: string; status: string; detail: string; fix?: string }[] = dataOf(stdout).checks;
  return checks.find(({ name }) => name === 'senders');
}

async function write(count: number, from: string, row: OutboxRow = {}) {
  const mail = { from, to: 'marie@example.org', subject: 'Hello', text: 'Hello' };
  for (let index = 0; index < count; index += 1)
    await database.insert({ mail, provider: 'smtp', status: 'delivered', ...row });
}

describe('mailctl doctor --only fallback, with the database of the API', () => {
  it('counts mail from domains that SES does not send for', async () => {
    await write(3, 'Shop <marie@shop.example>');
    await write(1, 'karl@other.example', { provider: 'ses' });
    await write(5, 'KeyBuzz: Support <support@keybuzz.io>');
    await write(1, 'alerts@mail.keybuzz.io');
    await write(1, '', {
      mail: null,
      delivery_trace: { fromAddress: 'anna@shop.example', emailBody: 'Hello' },
    });

    const check = await examine();

    expect(check).toMatchObject({ status: 'warn', fix: expect.stringContaining('Reply-To') });
    expect(check?.detail).toBe(
      '5 of 11 mails of the last 7 days are not from keybuzz.io, but from shop.example (4), other.example (1): an outage of SMTP makes dead letters of such',
    );
  });

  it('passes if all are, and leaves out older rows and those of other providers', async () => {
    await write(2, 'support@keybuzz.io');
    await write(1, 'marie@shop.example', { created_at: new Date(Date.now() - 8 * DAY_MS) });
    await write(1, 'marie@shop.example', { provider: 'amazon' });

    expect(await examine()).toMatchObject({
      status: 'ok',
      detail: 'all 2 mails of the last 7 days that were looked at are from keybuzz.io',
    });
  });

  it('reads the rows of the providers that the worker has', async () => {
    await write(1, 'marie@shop.example', { provider: 'email' });

    const env = { DATABASE_URL: database.connectionString, OUTBOUND_PROVIDERS: 'email' };
    expect(await examine(env)).toMatchObject({ status: 'warn' });
  });

  it('is skipped without a database', async () => {
    expect(await examine({})).toMatchObject({ status: 'skipped' });
  });
});

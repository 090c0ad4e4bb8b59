import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AccessKey } from '../../../support/aws-account/aws-account.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { VaultDouble } from '../../../support/vault/vault-double.ts';

const MINUTE = 60_000;
const USER = 'keybuzz-ses-dev';
const SECRET = 'keybuzz/dev/ses';

let account: AwsAccountDouble;
let vault: VaultDouble;

beforeEach(async () => {
  account = await startAwsAccount({ account: deployedAccount() });
  vault = await VaultDouble.start();
});

afterEach(() => Promise.all([account.close(), vault.close()]));

async function rotate(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const all = ['--json', '--yes', 'rotate', '--wait', '0', '--poll', '0.02', ...args];
  const { code, stdout, stderr } = await runMailctl(all, { ...account.environment, ...env });
  const error = JSON.parse(stdout).error;
  return { code, result: dataOf(stdout), error, stderr, text: stdout + stderr };
}

const keys = () => account.account.users.get(USER)?.accessKeys ?? [];
const stored = (): Record<string, string> => JSON.parse(account.account.secrets.get(SECRET)?.value ?? '{}');

function keyOf(id: string | undefined): AccessKey {
  const key = keys().find((one) => one.id === id);
  if (key === undefined) throw new Error(`there is no key ${id}`);
  return key;
}

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * MINUTE);

describe('mailctl rotate', () => {
  it('keeps the old key until the new one is in use, and then deletes it', async () => {
    const old = stored().AWS_SES_ACCESS_KEY;
    keyOf(old).lastUsedAt = new Date();

    const first = await rotate();
    const current = stored().AWS_SES_ACCESS_KEY;
    expect(current).not.toBe(old);
    expect([first.code, first.result.state]).toEqual([1, 'not-in-use']);
    expect(first.result.todo).toEqual([
      expect.stringContaining('mailctl secrets kubernetes --namespace NAMESPACE'),
      'then mailctl rotate',
    ]);
    expect(keys().map(({ id }) => id)).toEqual([old, current]);

    // One worker has restarted, another has not.
    keyOf(current).lastUsedAt = new Date();
    const second = await rotate();
    expect([second.code, second.result.state]).toEqual([1, 'old-in-use']);
    expect(keys()).toHaveLength(2);

    keyOf(old).lastUsedAt = minutesAgo(16);
    const last = await rotate();
    expect([last.code, last.result.state]).toEqual([0, 'rotated']);
    expect(keys().map(({ id }) => id)).toEqual([current]);
    expect(stored().AWS_SES_ACCESS_KEY).toBe(current);
  });

  it('waits until the new key is in use', async () => {
    const running = rotate(['--wait', '1']);
    await account.waitForCall({ action: 'GetAccessKeyLastUsed' });
    keyOf(stored().AWS_SES_ACCESS_KEY).lastUsedAt = new Date();

    const { code, result, stderr } = await running;

    expect([code, result.state]).toEqual([0, 'rotated']);
    expect(stderr).toContain('Waiting: no worker uses the new key');
  });

  it('writes all that the API needs, and shows none of it', async () => {
    const { text } = await rotate();

    const fields = stored();
    expect(Object.keys(fields).sort()).toEqual([
      'AWS_SES_ACCESS_KEY',
      'AWS_SES_REGION',
      'AWS_SES_SECRET_KEY',
      'FALLBACK_QUEUE_URL',
      'FALLBACK_URGENT_QUEUE_URL',
      'MAIL_DOMAIN',
      'PAYLOAD_BUCKET',
      'RECEIPTS_QUEUE_URL',
    ]);
    expect(text).not.toContain(fields.AWS_SES_SECRET_KEY);
    expect(text).not.toContain(fields.AWS_SES_ACCESS_KEY);
  });

  it('hands the new key to Vault', async () => {
    const env = { VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' };
    vault.state.secrets().write('keybuzz/ses', stored());
    await rotate([], env);

    expect(vault.state.secrets().fields('keybuzz/ses')).toEqual(stored());
  });

  it('makes the first key of a new deployment', async () => {
    const user = account.account.users.get(USER);
    const secret = account.account.secrets.get(SECRET);
    if (user === undefined || secret === undefined) throw new Error('nothing is deployed');
    user.accessKeys = [];
    secret.value = undefined;

    const { code, result } = await rotate();

    expect([code, result.state]).toEqual([1, 'first-key']);
    expect(keys().map(({ id }) => id)).toEqual([stored().AWS_SES_ACCESS_KEY]);
  });

  it.each([
    ['CreateAccessKey', 1],
    ['PutSecretValue', 2],
  ])('goes on after it broke off at %s, and leaves no key behind that nobody has', async (action, left) => {
    const old = stored().AWS_SES_ACCESS_KEY;
    account.fault({ fault: { kind: 'denied' }, on: { action } });
    expect((await rotate()).code).toBe(2);
    expect(keys()).toHaveLength(left);
    expect(stored().AWS_SES_ACCESS_KEY).toBe(old);
    account.heal();

    await rotate();

    const current = stored().AWS_SES_ACCESS_KEY;
    expect(current).not.toBe(old);
    expect(keys().map(({ id }) => id)).toEqual([old, current]);
  });

  it.each(['UpdateAccessKey', 'DeleteAccessKey'])('goes on after it broke off at %s', async (action) => {
    await rotate();
    keyOf(stored().AWS_SES_ACCESS_KEY).lastUsedAt = new Date();
    account.fault({ fault: { kind: 'denied' }, on: { action } });
    expect((await rotate()).code).toBe(2);
    account.heal();

    expect((await rotate()).result.state).toBe('rotated');
    expect(keys().map(({ id }) => id)).toEqual([stored().AWS_SES_ACCESS_KEY]);
  });

  it('leaves a key alone that somebody else made and uses', async () => {
    keys().push({
      id: 'AKIASOMEBODYELSES',
      createdAt: new Date(Date.now() + MINUTE),
      lastUsedAt: new Date(),
    });

    const { code, error } = await rotate();

    expect([code, error.code]).toEqual([2, 'UNKNOWN_KEY_IN_USE']);
    expect(keys()).toHaveLength(2);
  });

  it('deletes nothing without a yes', async () => {
    await rotate();
    keyOf(stored().AWS_SES_ACCESS_KEY).lastUsedAt = new Date();

    const args = ['--json', 'rotate', '--wait', '0'];
    const { code, stdout } = await runMailctl(args, account.environment);

    expect([code, dataOf(stdout).state]).toEqual([1, 'left']);
    expect(keys()).toHaveLength(2);
  });

  it('ends with 64 for a wait that is no number', async () => {
    expect((await runMailctl(['rotate', '--wait', 'long'])).code).toBe(64);
  });
});

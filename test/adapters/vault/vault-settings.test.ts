import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readVaultSettings } from '../../../lib/adapters/vault/vault-settings.ts';

describe("Vault's variables", () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'vault-home-'));
  });

  afterEach(async () => {
    await rm(home, { recursive: true });
  });

  const read = (env: Record<string, string> = {}) => readVaultSettings({ HOME: home, ...env });
  const problem = (env: Record<string, string>) =>
    read(env).then(
      () => undefined,
      ({ problem: { reason } }: { problem: { reason: string } }) => reason,
    );

  it("have the defaults of Vault's own tools", async () => {
    expect(await read()).toMatchObject({
      token: undefined,
      namespace: undefined,
      ca: undefined,
      skipVerify: false,
    });
    expect((await read({ VAULT_ADDR: '' })).address.href).toBe('https://127.0.0.1:8200/');
  });

  it('are read the way those tools read them', async () => {
    const file = join(home, 'ca.pem');
    await writeFile(file, '-----BEGIN CERTIFICATE-----\n');
    const settings = await read({
      VAULT_ADDR: 'http://vault.example:8200',
      VAULT_TOKEN: 'hvs.from-environment\n',
      VAULT_NAMESPACE: '/team/mail/',
      VAULT_CACERT: file,
      VAULT_SKIP_VERIFY: 'T',
      VAULT_CLIENT_TIMEOUT: '3',
      VAULT_TLS_SERVER_NAME: 'vault.internal',
    });
    expect(settings).toEqual({
      address: new URL('http://vault.example:8200'),
      token: 'hvs.from-environment',
      namespace: 'team/mail',
      ca: '-----BEGIN CERTIFICATE-----\n',
      serverName: 'vault.internal',
      skipVerify: true,
      timeoutMs: 3_000,
    });
  });

  it('take precedence over the token of a login', async () => {
    await writeFile(join(home, '.vault-token'), 'hvs.from-login\n');
    expect((await read()).token).toBe('hvs.from-login');
    expect((await read({ VAULT_TOKEN: 'hvs.other' })).token).toBe('hvs.other');
  });

  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
  ])('accept the time limit %s', async (text, timeoutMs) => {
    expect((await read({ VAULT_CLIENT_TIMEOUT: text })).timeoutMs).toBe(timeoutMs);
  });

  it.each([
    ['VAULT_ADDR', 'vault.example:8200'],
    ['VAULT_ADDR', 'unix:///run/vault.sock'],
    ['VAULT_SKIP_VERIFY', 'yes'],
    ['VAULT_CLIENT_TIMEOUT', 'soon'],
    ['VAULT_CLIENT_TIMEOUT', '0'],
    ['VAULT_CACERT', '/nonexistent/ca.pem'],
    ['VAULT_CACERT', '/dev/null'],
  ])('are rejected: %s=%s', async (name, value) => {
    expect(await problem({ [name]: value })).toContain(`${name}: allowed is `);
  });

  it('are not quoted if they may contain a password', async () => {
    expect(await problem({ VAULT_ADDR: 'ftp://me:hunter2@vault.example' })).not.toContain('hunter2');
  });
});

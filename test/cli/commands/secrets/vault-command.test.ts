import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { SES, type SecretsBench, startSecretsBench, valuesIn } from './secrets-bench.ts';

describe('mailctl secrets vault', () => {
  let bench: SecretsBench;

  beforeEach(async () => {
    bench = await startSecretsBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  const run = (args: readonly string[] = [], env: Record<string, string | undefined> = {}) =>
    runMailctl(['secrets', 'vault', ...args], { ...bench.env, ...env });
  const stored = (path: string) => bench.vault.state.secrets().fields(path);

  it('only compares without a terminal, and exits with 1', async () => {
    const { code, stdout, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toMatch(/secret\/keybuzz\/ses is not there yet[\s\S]+AWS_SES_SECRET_KEY +added/);
    expect(stdout).toContain('secret/keybuzz/ses: not written');
    expect(stored('keybuzz/ses')).toBeUndefined();
  });

  it('writes with --yes, shows no value, and finds no difference in the next run', async () => {
    const first = await run(['--yes']);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('8 of 8 fields written as version 1'),
    });
    expect(stored('keybuzz/ses')).toEqual(SES);
    expect(valuesIn(first.stdout + first.stderr)).toEqual([]);

    const second = await run(['--json']);
    expect(second.code).toBe(0);
    expect(dataOf(second.stdout)).toMatchObject({
      secrets: [{ kind: 'unchanged', path: 'secret/keybuzz/ses', version: 1 }],
    });
  });

  it('writes the given SMTP settings, flags before the environment', async () => {
    const file = join(bench.home, 'password');
    await writeFile(file, 'pass word \n');
    const flags = [
      '--smtp-host',
      'mail.keybuzz.io',
      '--smtp-password-file',
      file,
      '--smtp-path',
      'mail/smtp',
    ];
    const env = { SMTP_HOST: 'elsewhere.example', SMTP_PORT: '587', SMTP_PASSWORD: 'other' };
    bench.vault.state.secrets().write('mail/smtp', { SMTP_USER: 'api' });

    const { code, stdout, stderr } = await run(['--yes', ...flags], env);
    expect(code).toBe(0);
    expect(stored('mail/smtp')).toEqual({
      SMTP_HOST: 'mail.keybuzz.io',
      SMTP_PORT: '587',
      SMTP_USER: 'api',
      SMTP_PASSWORD: 'pass word ',
    });
    expect(valuesIn(stdout + stderr, 'pass word')).toEqual([]);
  });

  it('writes no host that the worker would refuse', async () => {
    const { code, stderr } = await run(['--yes', '--smtp-host', 'smtp://mail.keybuzz.io:587']);
    expect(code).toBe(2);
    expect(stderr).toContain('SMTP_HOST = "smtp://mail.keybuzz.io:587"');
    expect(stderr).toContain('SMTP_PORT or --smtp-port to the port');
  });

  it('writes to another mount, path and namespace', async () => {
    bench.vault.state.mount('kv', 'kv-v2', 'team');
    await run(['--yes', '--mount', 'kv', '--path', '/prod/ses/'], { VAULT_NAMESPACE: 'team' });
    expect(bench.vault.state.secrets('kv', 'team').fields('prod/ses')).toEqual(SES);
  });

  it('does not overwrite the secret of another deployment, unless given its path', async () => {
    const queue = 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-fallback-prod';
    const theirs = { AWS_SES_ACCESS_KEY: 'theirs', FALLBACK_QUEUE_URL: queue };
    bench.vault.state.secrets().write('keybuzz/ses', theirs);

    const refused = await run(['--yes', '--json']);
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.stdout).error).toEqual({
      code: 'OTHER_DEPLOYMENT',
      message: expect.stringContaining('secret/keybuzz/ses holds the settings of another deployment'),
      fix: expect.stringContaining('mailctl secrets vault --path keybuzz/dev/ses;'),
    });
    expect(refused.stdout).toContain('keybuzz-fallback-prod');
    expect(stored('keybuzz/ses')).toEqual(theirs);

    expect((await run(['--yes', '--path', 'keybuzz/ses'])).code).toBe(0);
    expect(stored('keybuzz/ses')).toEqual(SES);
  });

  it.each([
    ['is not a URL', 'value-of-a-key'],
    ['contains a password', 'https://user:value-of-a-key@example.org/1/queue'],
  ])('does not show the queue URL of another deployment if it %s', async (_, url) => {
    bench.vault.state.secrets().write('keybuzz/ses', { FALLBACK_QUEUE_URL: url });
    const { code, stdout, stderr } = await run(['--yes']);
    expect(code).toBe(2);
    expect(stderr).toContain('another deployment');
    expect(stdout + stderr).not.toContain('value-of-a-key');
  });

  it('writes a new key if the queue is its own', async () => {
    bench.vault.state.secrets().write('keybuzz/ses', { ...SES, AWS_SES_ACCESS_KEY: 'before' });
    expect((await run(['--yes'])).code).toBe(0);
    expect(stored('keybuzz/ses')).toEqual(SES);
  });

  it('does not apply --yes to what another client has written since', async () => {
    const act = () => bench.vault.state.secrets().write('keybuzz/ses', { AWS_SES_ACCESS_KEY: 'theirs' });
    bench.vault.fault({ effect: { kind: 'meanwhile', act }, when: ({ method }) => method === 'POST' });
    const { code, stderr } = await run(['--yes']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/another writer has just changed AWS_SES_ACCESS_KEY of secret\/keybuzz\/ses/);
    expect(stored('keybuzz/ses')).toEqual({ AWS_SES_ACCESS_KEY: 'theirs' });
  });

  it.each<[string, (given: SecretsBench) => Record<string, string | undefined>, RegExp]>([
    ['no token', () => ({ VAULT_TOKEN: undefined }), /no token for Vault[\s\S]+vault login/],
    ['a wrong token', () => ({ VAULT_TOKEN: 'hvs.gone' }), /does not know the token[\s\S]+vault login/],
    [
      'a token without the right',
      ({ vault }) => {
        vault.state.grant('poor', {});
        return { VAULT_TOKEN: 'poor' };
      },
      /denies read on secret\/data\/keybuzz\/ses\s+fix: .*path "secret\/data\/keybuzz\/ses" \{ capabilities = \["create", "read", "update"\] \}/,
    ],
    [
      'a sealed Vault',
      ({ vault }) => {
        vault.state.condition = { kind: 'sealed' };
        return {};
      },
      /is sealed[\s\S]+vault operator unseal/,
    ],
    [
      'a standby node',
      ({ vault }) => {
        vault.state.condition = { kind: 'standby', activeNode: 'https://vault-1.example:8200' };
        return {};
      },
      /standby node[\s\S]+VAULT_ADDR=https:\/\/vault-1\.example:8200/,
    ],
    ['a closed port', () => ({ VAULT_ADDR: 'http://127.0.0.1:1' }), /refuses connections[\s\S]+VAULT_ADDR/],
    [
      'the wrong scheme',
      ({ vault }) => ({ VAULT_ADDR: vault.url.replace('http:', 'https:') }),
      /does not speak TLS\s+fix: set VAULT_ADDR to http:/,
    ],
    [
      'the wrong setting',
      () => ({ VAULT_SKIP_VERIFY: 'maybe' }),
      /VAULT_SKIP_VERIFY: allowed is true or false/,
    ],
  ])('names the problem and its fix: %s', async (_, prepare, text) => {
    const { code, stderr, stdout } = await run(['--yes'], prepare(bench));
    expect(code).toBe(2);
    expect(stderr).toMatch(text);
    expect(valuesIn(stdout + stderr, 'hvs.gone')).toEqual([]);
  });

  it.each([
    [
      'that does not exist',
      ['--mount', 'none'],
      /nothing mounted at none\/[\s\S]+vault secrets enable -path=none/,
    ],
    ['of KV v1', ['--mount', 'old'], /old\/ of Vault at \S+ is KV v1[\s\S]+vault kv enable-versioning old/],
  ])('names the problem and its fix: a mount %s', async (_, args, text) => {
    bench.vault.state.mount('old', 'kv-v1');
    const { code, stderr } = await run(['--yes', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(text);
    expect(bench.vault.calls.some(({ method }) => method === 'POST')).toBe(false);
  });

  it.each([
    ['which nobody has written yet', undefined, 'SECRET_EMPTY'],
    ['which somebody has edited', '{"AWS_SES_ACCESS_KEY":"AKIAVALUEOFTHEKEY",', 'SECRET_DAMAGED'],
    ['which lacks a field', JSON.stringify({ ...SES, PAYLOAD_BUCKET: undefined }), 'SECRET_DAMAGED'],
  ])('tells of a secret %s, and shows nothing of it', async (_, value, errorCode) => {
    const secret = bench.aws.account.secrets.get('keybuzz/ses-dev');
    if (secret !== undefined) secret.value = value;
    const { code, stdout, stderr } = await run(['--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: errorCode } });
    expect(valuesIn(stdout + stderr)).toEqual([]);
  });
});

describe('mailctl secrets vault, over TLS', () => {
  it('needs the certificate authority', async () => {
    const bench = await startSecretsBench({ tls: true });
    try {
      const args = ['--yes', 'secrets', 'vault'];
      const distrustful = await runMailctl(args, bench.env);
      expect(distrustful.code).toBe(2);
      expect(distrustful.stderr).toMatch(/is not trusted: it is self-signed\s+fix: set VAULT_CACERT/);

      const file = join(bench.home, 'ca.pem');
      await writeFile(file, bench.vault.certificatePem);
      expect((await runMailctl(args, { ...bench.env, VAULT_CACERT: file })).code).toBe(0);
      expect(bench.vault.state.secrets().fields('keybuzz/ses')).toEqual(SES);
    } finally {
      await bench.close();
    }
  });
});

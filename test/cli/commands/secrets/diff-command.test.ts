import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { kubernetesSecret } from '../../../../lib/cli/commands/secrets/kubernetes.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { SES, type SecretsBench, startSecretsBench, valuesIn } from './secrets-bench.ts';

const TARGET = { namespace: 'a', name: 'keybuzz-ses' };

describe('mailctl secrets diff', () => {
  let bench: SecretsBench;

  beforeEach(async () => {
    bench = await startSecretsBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  const run = (args: readonly string[] = [], env: Record<string, string | undefined> = {}) =>
    runMailctl(['secrets', 'diff', ...args], { ...bench.env, ...env });

  async function kubernetesFile(content: unknown): Promise<string> {
    const file = join(bench.home, 'secret');
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  }

  it('exits with 0 if Vault and Kubernetes have the same, regardless of other fields', async () => {
    bench.vault.state.secrets().write('keybuzz/ses', { ...SES, OTHER: '1' });
    const file = await kubernetesFile(stringify(kubernetesSecret(TARGET, { ...SES, THEIRS: '2' })));
    const { code, stdout } = await run(['--kubernetes-file', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('vault: the same as Secrets Manager; also has OTHER');
    expect(stdout).toContain('kubernetes: the same as Secrets Manager; also has THEIRS');
  });

  it('names the Secret of the project if there is nothing to compare with', async () => {
    const { code, stderr } = await run(['--project', 'acme'], { VAULT_ADDR: undefined });
    expect(code).toBe(2);
    expect(stderr).toContain(
      'kubectl get secret acme-ses -n NAMESPACE -o json | mailctl --project acme secrets diff',
    );
  });

  it('exits with 1 and names the fields if they differ, and shows no value', async () => {
    const { AWS_SES_REGION, ...rest } = SES;
    bench.vault.state.secrets().write('keybuzz/ses', { ...rest, AWS_SES_SECRET_KEY: 'an-older-secret' });
    const file = await kubernetesFile(kubernetesSecret(TARGET, SES));
    const { code, stdout, stderr } = await run(['--json', '--kubernetes-file', file]);

    expect(code).toBe(1);
    const { equal, copies } = dataOf(stdout);
    expect(equal).toBe(false);
    expect(copies[0]).toMatchObject({ copy: 'vault', equal: false });
    expect(copies[0].fields).toEqual(
      expect.arrayContaining([
        { field: 'AWS_SES_REGION', standing: 'missing' },
        { field: 'AWS_SES_SECRET_KEY', standing: 'different' },
        { field: 'AWS_SES_ACCESS_KEY', standing: 'same' },
      ]),
    );
    expect(copies[1]).toMatchObject({ copy: 'kubernetes', equal: true });
    expect(valuesIn(stdout + stderr, 'an-older-secret')).toEqual([]);
  });

  it('reports every field as missing if Vault has no secret', async () => {
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(stdout).toMatch(/AWS_SES_SECRET_KEY +missing/);
  });

  it('skips Vault if it is not configured, and says so', async () => {
    const file = await kubernetesFile(kubernetesSecret(TARGET, SES));
    const { code, stderr, stdout } = await run(['--kubernetes-file', file], { VAULT_ADDR: undefined });
    expect(code).toBe(0);
    expect(stderr).toContain('Vault: left out');
    expect(stdout).not.toContain('vault');
  });

  it('fails without Vault and without a file', async () => {
    const { code, stderr } = await run([], { VAULT_ADDR: undefined });
    expect(code).toBe(2);
    expect(stderr).toContain('nothing to compare');
  });

  it.each([
    ['a list', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] })],
    ['no YAML', 'AWS_SES_SECRET_KEY: [value/of+the/secret='],
    ['nothing', ''],
    [
      'no base64',
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', data: { a: `${SES.AWS_SES_SECRET_KEY}?` } }),
    ],
  ])('rejects what is no Secret, and does not quote it: %s', async (_, content) => {
    const { code, stdout, stderr } = await run(['--kubernetes-file', await kubernetesFile(content)]);
    expect(code).toBe(2);
    expect(stderr).toContain('is not one Secret of Kubernetes');
    expect(valuesIn(stdout + stderr)).toEqual([]);
  });
});

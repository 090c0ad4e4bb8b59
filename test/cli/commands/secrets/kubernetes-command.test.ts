import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret } from 'kubernetes-models/v1/Secret';
import * as v from 'valibot';
import { parse } from 'yaml';
import { runMailctl } from '../../../support/run-mailctl.ts';
import { SES, type SecretsBench, startSecretsBench, valuesIn } from './secrets-bench.ts';

/**
 * The part of the schema of external-secrets.io/v1 that is written here; strict, so nothing else may be in
 * it.
 */
const externalSecretSchema = v.strictObject({
  apiVersion: v.literal('external-secrets.io/v1'),
  kind: v.literal('ExternalSecret'),
  metadata: v.strictObject({
    name: v.string(),
    namespace: v.string(),
    labels: v.record(v.string(), v.string()),
  }),
  spec: v.strictObject({
    refreshInterval: v.pipe(v.string(), v.regex(/^\d+[smh]$/)),
    secretStoreRef: v.strictObject({
      name: v.string(),
      kind: v.picklist(['SecretStore', 'ClusterSecretStore']),
    }),
    target: v.strictObject({
      name: v.string(),
      creationPolicy: v.picklist(['Owner', 'Orphan', 'Merge', 'None']),
    }),
    data: v.array(
      v.strictObject({
        secretKey: v.string(),
        remoteRef: v.strictObject({ key: v.string(), property: v.string() }),
      }),
    ),
  }),
});

describe('mailctl secrets kubernetes', () => {
  let bench: SecretsBench;

  beforeEach(async () => {
    bench = await startSecretsBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  const run = (...args: string[]) => runMailctl(['secrets', 'kubernetes', ...args], bench.env);
  const external = async (...args: string[]) => {
    const flags = ['--namespace', 'keybuzz-api-dev', '--format', 'external-secret', '--store', 'store'];
    const { stdout, stderr } = await run(...flags, ...args);
    expect(valuesIn(stdout + stderr)).toEqual([]);
    return v.parse(externalSecretSchema, parse(stdout));
  };

  it('prints a Secret that is valid in the Kubernetes schema, with all fields, into a pipe', async () => {
    const { code, stdout, stderr } = await run('--namespace', 'keybuzz-api-dev');
    const secret = v.parse(
      v.object({ metadata: v.unknown(), data: v.record(v.string(), v.string()) }),
      parse(stdout),
    );
    new Secret(parse(stdout)).validate();

    expect(code).toBe(0);
    expect(secret.metadata).toMatchObject({ name: 'keybuzz-ses', namespace: 'keybuzz-api-dev' });
    const decoded = Object.entries(secret.data).map(([name, value]) => [name, atob(value)]);
    expect(Object.fromEntries(decoded)).toEqual(SES);
    expect(stderr).toContain('kubectl rollout restart deployment/outbound-worker -n keybuzz-api-dev');
    expect(valuesIn(stderr)).toEqual([]);
  });

  it('prints the same as JSON', async () => {
    const [yaml, json] = await Promise.all([run('-n', 'a'), run('-n', 'a', '--json')]);
    expect(JSON.parse(json.stdout)).toEqual(parse(yaml.stdout));
  });

  it('prints an ExternalSecret that reads from Secrets Manager, by its name without the random suffix', async () => {
    const { spec, metadata } = await external();
    expect(metadata).toMatchObject({ name: 'keybuzz-ses', namespace: 'keybuzz-api-dev' });
    expect(spec).toMatchObject({
      secretStoreRef: { name: 'store', kind: 'SecretStore' },
      target: { name: 'keybuzz-ses' },
    });
    expect(spec.data).toEqual(
      Object.keys(SES).map((field) => ({
        secretKey: field,
        remoteRef: { key: 'keybuzz/ses-dev', property: field },
      })),
    );
    expect(bench.aws.callsOf({ service: 'secretsmanager' })).toBe(0);
  });

  it('names the Secret and its path in Vault after the project', async () => {
    const { spec, metadata } = await external('--from', 'vault', '--project', 'acme');
    expect(metadata.name).toBe('acme-ses');
    expect(spec.target.name).toBe('acme-ses');
    expect(new Set(spec.data.map(({ remoteRef }) => remoteRef.key))).toEqual(new Set(['acme/ses']));
  });

  it('prints one that reads from Vault, or by another key, and makes no call to AWS', async () => {
    const vault = await external('--from', 'vault', '--store-kind', 'ClusterSecretStore');
    expect(vault.spec.secretStoreRef.kind).toBe('ClusterSecretStore');
    expect(vault.spec.data[0]?.remoteRef.key).toBe('keybuzz/ses');
    const other = await external('--key', 'team/mail', '--name', 'mail');
    expect(other.spec.data[0]?.remoteRef.key).toBe('team/mail');
    expect(other.spec.target.name).toBe('mail');
    expect(bench.aws.calls).toEqual([]);
  });

  it('needs a store for an ExternalSecret', async () => {
    const { code, stderr } = await run('-n', 'a', '--format', 'external-secret');
    expect(code).toBe(2);
    expect(stderr).toContain('--store NAME');
  });

  it.each(['KeyBuzz', 'a b', 'a: b', '-a', ''])(
    'rejects the namespace %j before any call to AWS',
    async (name) => {
      const { code, stdout, stderr } = await run(`--namespace=${name}`);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain(`--namespace ${JSON.stringify(name)}: allowed is a DNS label`);
      expect(bench.aws.calls).toEqual([]);
    },
  );

  it('exits with 64 without a namespace, and with an unknown format', async () => {
    expect((await run()).code).toBe(64);
    expect((await run('-n', 'a', '--format', 'sealed-secret')).code).toBe(64);
  });
});

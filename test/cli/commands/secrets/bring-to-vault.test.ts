import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { VaultKv } from '../../../../lib/adapters/vault/vault-kv.ts';
import { bringToVault, type VaultPlan } from '../../../../lib/cli/commands/secrets/bring-to-vault.ts';
import { VaultDouble } from '../../../support/vault/vault-double.ts';

const WANTED = { KEY: 'new-key', REGION: 'eu-west-1' };

describe('writing fields to a secret in Vault', () => {
  let vault: VaultDouble;
  let plans: VaultPlan[];

  beforeEach(async () => {
    vault = await VaultDouble.start();
    plans = [];
  });

  afterEach(async () => {
    await vault.close();
  });

  const secrets = () => vault.state.secrets();

  function bring(approve: (plan: VaultPlan) => boolean = () => true) {
    const address = new URL(vault.url);
    const settings = { address, token: 'root', skipVerify: false, timeoutMs: 10_000 };
    const unset = { namespace: undefined, ca: undefined, serverName: undefined };
    return bringToVault({
      kv: new VaultKv({ ...settings, ...unset }, 'secret'),
      path: 'a',
      wanted: WANTED,
      approve: async (plan) => {
        plans.push(plan);
        return approve(plan);
      },
      signal: new AbortController().signal,
    });
  }

  /** Another client writes first, this often. */
  function meanwhile(act: () => void, times = 1) {
    vault.fault({ effect: { kind: 'meanwhile', act }, when: ({ method }) => method === 'POST', times });
  }

  it('writes all fields if there is no secret', async () => {
    expect(await bring()).toMatchObject({ kind: 'written', path: 'secret/a', version: 1 });
    expect(plans).toEqual([expect.objectContaining({ version: 0, wasDeleted: false, kept: [] })]);
    expect(secrets().fields('a')).toEqual(WANTED);
  });

  it('reports what is added, changed and the same, and keeps unknown fields', async () => {
    secrets().write('a', { KEY: 'old-key', OTHER: { deep: [1] } });
    await bring();
    expect(plans[0]).toMatchObject({
      version: 1,
      fields: [
        { field: 'KEY', standing: 'different' },
        { field: 'REGION', standing: 'missing' },
      ],
      kept: ['OTHER'],
      changedMeanwhile: [],
    });
    expect(secrets().fields('a')).toEqual({ ...WANTED, OTHER: { deep: [1] } });
  });

  it('asks and writes nothing if all fields are the same', async () => {
    secrets().write('a', { ...WANTED, OTHER: '1' });
    expect(await bring()).toMatchObject({ kind: 'unchanged', version: 1 });
    expect(plans).toEqual([]);
    expect(secrets().currentVersion('a')).toBe(1);
  });

  it('writes nothing after a no', async () => {
    expect(await bring(() => false)).toMatchObject({ kind: 'left', version: 0 });
    expect(secrets().currentVersion('a')).toBe(0);
  });

  it('writes on top of a version that was deleted', async () => {
    secrets().write('a', { OTHER: '1' });
    secrets().delete('a');
    expect(await bring()).toMatchObject({ kind: 'written', version: 2 });
    expect(plans[0]).toMatchObject({ version: 1, wasDeleted: true, kept: [] });
  });

  it('reads and asks again if another client wrote first, and keeps what that client wrote', async () => {
    secrets().write('a', { KEY: 'old-key' });
    meanwhile(() => secrets().write('a', { KEY: 'old-key', OTHER: 'theirs' }));
    expect(await bring()).toMatchObject({ kind: 'written', version: 3 });
    expect(plans.map(({ version, kept, changedMeanwhile }) => [version, kept, changedMeanwhile])).toEqual([
      [1, [], []],
      [2, ['OTHER'], []],
    ]);
    expect(secrets().fields('a')).toEqual({ ...WANTED, OTHER: 'theirs' });
  });

  it('names its own fields that another client has changed, so that a no can keep them', async () => {
    meanwhile(() => secrets().write('a', { KEY: 'their-key' }));
    expect(await bring(({ changedMeanwhile }) => changedMeanwhile.length === 0)).toMatchObject({
      kind: 'left',
    });
    expect(plans[1]).toMatchObject({ version: 1, changedMeanwhile: ['KEY'] });
    expect(secrets().fields('a')).toEqual({ KEY: 'their-key' });
  });

  it('writes nothing if another client has written the same', async () => {
    meanwhile(() => secrets().write('a', WANTED));
    expect(await bring()).toMatchObject({ kind: 'unchanged', version: 1 });
  });

  it('gives up on a secret that other clients keep changing', async () => {
    let count = 0;
    meanwhile(() => {
      count += 1;
      secrets().write('a', { OTHER: count });
    }, 100);
    await expect(bring()).rejects.toMatchObject({ code: 'VAULT_BUSY' });
    expect(secrets().fields('a')).toEqual({ OTHER: count });
  });

  it('loses nothing if the response to its write is lost: the next run finds it done', async () => {
    vault.fault({ effect: { kind: 'reset', done: true }, when: ({ method }) => method === 'POST' });
    await expect(bring()).rejects.toMatchObject({ code: 'VAULT_CONNECTION_LOST' });
    expect(await bring()).toMatchObject({ kind: 'unchanged', version: 1 });
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { VaultDouble } from './vault-double.ts';

describe('the Vault double', () => {
  let vault: VaultDouble;

  beforeEach(async () => {
    vault = await VaultDouble.start();
  });

  afterEach(async () => {
    await vault.close();
  });

  async function call(path: string, init: { token?: string; body?: unknown; namespace?: string } = {}) {
    const { token = 'root', body, namespace } = init;
    const response = await fetch(`${vault.url}/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        'x-vault-token': token,
        ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      location: response.headers.get('location'),
      json: text === '' ? undefined : JSON.parse(text),
    };
  }

  it('counts versions, and returns the newest with its metadata', async () => {
    expect(await call('secret/data/a/b')).toMatchObject({ status: 404, json: { errors: [] } });

    const first = await call('secret/data/a/b', { body: { data: { x: '1' }, options: { cas: 0 } } });
    expect(first).toMatchObject({
      status: 200,
      json: { data: { version: 1, deletion_time: '', destroyed: false } },
    });
    await call('secret/data/a/b', { body: { data: { y: 2 } } });

    expect((await call('secret/data/a/b')).json.data).toMatchObject({
      data: { y: 2 },
      metadata: { version: 2, custom_metadata: null },
    });
  });

  it('rejects a write on top of another version', async () => {
    await call('secret/data/a', { body: { data: { x: '1' } } });
    for (const cas of [0, 2]) {
      expect(await call('secret/data/a', { body: { data: {}, options: { cas } } })).toMatchObject({
        status: 400,
        json: { errors: ['check-and-set parameter did not match the current version'] },
      });
    }
    expect(vault.state.secrets().fields('a')).toEqual({ x: '1' });
  });

  it('responds with 404 and the version for what was deleted, and continues to count', async () => {
    vault.state.secrets().write('a', { x: '1' });
    vault.state.secrets().delete('a');

    const deleted = await call('secret/data/a');
    expect(deleted).toMatchObject({ status: 404, json: { data: { data: null, metadata: { version: 1 } } } });
    expect(deleted.json.data.metadata.deletion_time).not.toBe('');
    const body = { data: { x: '2' }, options: { cas: 1 } };
    expect(await call('secret/data/a', { body })).toMatchObject({ json: { data: { version: 2 } } });
  });

  it('applies the policy of a token, and distinguishes a wrong token from a denied one', async () => {
    vault.state.grant('reader', { 'secret/data/a': ['read'], 'secret/data/team/+/mail*': ['create'] });
    vault.state.secrets().write('a', { x: '1' });

    expect((await call('secret/data/a', { token: 'reader' })).status).toBe(200);
    const body = { data: {} };
    expect((await call('secret/data/team/x/mail-1', { token: 'reader', body })).status).toBe(200);
    // The second write of a secret is an update.
    expect((await call('secret/data/team/x/mail-1', { token: 'reader', body })).status).toBe(403);
    expect((await call('secret/data/team/x/y/mail', { token: 'reader', body })).status).toBe(403);
    expect((await call('secret/data/a', { token: 'reader', body })).json.errors).toEqual([
      '1 error occurred:\n\t* permission denied\n\n',
    ]);
    expect((await call('secret/data/a', { token: 'nobody' })).json.errors).toEqual([
      '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n',
    ]);
  });

  it('has no route to what is not mounted, and hides it in the list of mounts', async () => {
    expect(await call('other/data/a')).toMatchObject({
      status: 404,
      json: { errors: ['no handler for route "other/data/a". route entry not found.'] },
    });
    expect((await call('sys/internal/ui/mounts/other/a')).status).toBe(403);
    expect((await call('sys/internal/ui/mounts/secret/a')).json.data).toMatchObject({
      type: 'kv',
      path: 'secret/',
      options: { version: '2' },
    });
  });

  it('accepts anything in the unversioned store', async () => {
    vault.state.mount('old', 'kv-v1');
    const body = { data: { x: '1' }, options: { cas: 0 } };
    expect((await call('old/data/a', { body })).status).toBe(204);
    expect((await call('old/data/a')).json.data).toEqual(body);
    expect((await call('old/data/b')).json).toEqual({ errors: [] });
  });

  it('separates namespaces', async () => {
    vault.state.mount('secret', 'kv-v2', 'team');
    await call('secret/data/a', { namespace: 'team/', body: { data: { x: '1' } } });
    expect((await call('secret/data/a')).status).toBe(404);
    expect((await call('secret/data/a', { namespace: 'team' })).status).toBe(200);
  });

  it('is sealed, not initialised or a standby, and reports it by its health', async () => {
    expect(await call('sys/health')).toMatchObject({ status: 200, json: { sealed: false, standby: false } });
    vault.state.condition = { kind: 'sealed' };
    expect(await call('sys/health')).toMatchObject({
      status: 503,
      json: { sealed: true, initialized: true },
    });
    expect(await call('secret/data/a')).toMatchObject({ status: 503, json: { errors: ['Vault is sealed'] } });
    vault.state.condition = { kind: 'not-initialized' };
    expect(await call('sys/health')).toMatchObject({ status: 501, json: { initialized: false } });
    vault.state.condition = { kind: 'standby' };
    expect(await call('sys/health')).toMatchObject({ status: 429, json: { standby: true } });
    expect((await call('secret/data/a')).status).toBe(500);
    vault.state.condition = { kind: 'standby', activeNode: 'https://vault-1.example' };
    expect(await call('secret/data/a')).toMatchObject({
      status: 307,
      location: 'https://vault-1.example/v1/secret/data/a',
    });
  });
});

import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { VaultError, type VaultProblem } from '../../../lib/adapters/vault/vault-error.ts';
import { VaultKv } from '../../../lib/adapters/vault/vault-kv.ts';
import type { VaultSettings } from '../../../lib/adapters/vault/vault-settings.ts';
import { VaultDouble, type VaultDoubleOptions } from '../../support/vault/vault-double.ts';

const never = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function aVault(options?: VaultDoubleOptions): Promise<VaultDouble> {
  const vault = await VaultDouble.start(options);
  closers.push(() => vault.close());
  return vault;
}

function kvOf(address: string, settings: Partial<VaultSettings> = {}, mount = 'secret'): VaultKv {
  return new VaultKv(
    {
      address: new URL(address),
      token: 'root',
      namespace: undefined,
      ca: undefined,
      serverName: undefined,
      skipVerify: false,
      timeoutMs: 10_000,
      ...settings,
    },
    mount,
  );
}

async function problemOf(call: Promise<unknown>): Promise<VaultProblem> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof VaultError)) throw new Error(`not a VaultError: ${String(error)}`);
  return error.problem;
}

describe('reading and writing', () => {
  it('writes the first version, the next, and one after a deletion', async () => {
    const vault = await aVault();
    const kv = kvOf(vault.url, {}, '/secret/');

    expect(await kv.read('keybuzz/ses', never)).toEqual({ kind: 'absent', version: 0 });
    expect(await kv.write('keybuzz/ses', { a: '1' }, 0, never)).toEqual({ kind: 'written', version: 1 });
    expect(await kv.write('keybuzz/ses', { a: '2' }, 1, never)).toEqual({ kind: 'written', version: 2 });
    expect(await kv.read('keybuzz/ses', never)).toEqual({ kind: 'present', version: 2, fields: { a: '2' } });
    vault.state.secrets().delete('keybuzz/ses');
    expect(await kv.read('keybuzz/ses', never)).toEqual({ kind: 'deleted', version: 2 });
    expect(await kv.write('keybuzz/ses', { a: '3' }, 2, never)).toEqual({ kind: 'written', version: 3 });
  });

  it('never writes on top of another version', async () => {
    const vault = await aVault();
    vault.state.secrets().write('a', { of: 'somebody else' });
    expect(await kvOf(vault.url).write('a', { of: 'me' }, 0, never)).toEqual({ kind: 'conflict' });
    expect(vault.state.secrets().fields('a')).toEqual({ of: 'somebody else' });
  });

  it('sends namespace, token and any path unchanged, below the path of the address', async () => {
    const vault = await aVault();
    vault.state.mount('kv/mail', 'kv-v2', 'team/mail');
    await kvOf(vault.url, { namespace: 'team/mail' }, 'kv/mail').write('a b/c?#%', { x: '1' }, 0, never);
    expect(vault.state.secrets('kv/mail', 'team/mail').fields('a b/c?#%')).toEqual({ x: '1' });

    await problemOf(kvOf(`${vault.url}/behind/a-proxy/`).read('a', never));
    expect(vault.calls.at(-1)?.path).toBe('/behind/a-proxy/v1/secret/data/a');
  });
});

describe('over TLS', () => {
  it('trusts the certificate it was given', async () => {
    const vault = await aVault({ tls: true });
    const kv = kvOf(vault.url, { ca: vault.certificatePem });
    expect(await kv.write('a', {}, 0, never)).toEqual({ kind: 'written', version: 1 });
  });

  it('trusts a certificate for the configured name, and none for another', async () => {
    const vault = await aVault({ tls: true, certificateFor: 'vault.example' });
    const ca = vault.certificatePem;
    expect(await problemOf(kvOf(vault.url, { ca }).read('a', never))).toEqual({
      kind: 'untrusted',
      reason: 'it is for another name',
    });
    const kv = kvOf(vault.url, { ca, serverName: 'vault.example' });
    expect(await kv.read('a', never)).toEqual({ kind: 'absent', version: 0 });
  });

  it('trusts no other certificate, and reveals no token, unless configured to', async () => {
    const vault = await aVault({ tls: true });
    expect(await problemOf(kvOf(vault.url).read('a', never))).toEqual({
      kind: 'untrusted',
      reason: 'it is self-signed',
    });
    expect(vault.calls).toEqual([]);
    expect(await kvOf(vault.url, { skipVerify: true }).read('a', never)).toMatchObject({ kind: 'absent' });
  });

  it('detects TLS sent to a plain server', async () => {
    const plain = await aVault();
    const kv = kvOf(plain.url.replace('http:', 'https:'));
    expect(await problemOf(kv.read('a', never))).toEqual({ kind: 'wrong-scheme' });
  });

  it('detects plain HTTP sent to a TLS server, by the response of Go', async () => {
    const vault = await aVault();
    const body = 'Client sent an HTTP request to an HTTPS server.\n';
    vault.fault({ effect: { kind: 'answer', status: 400, body } });
    expect(await problemOf(kvOf(vault.url).read('a', never))).toEqual({ kind: 'wrong-scheme' });
  });
});

describe('a problem with Vault', () => {
  it('is a refused connection', async () => {
    const vault = await aVault();
    const { url } = vault;
    await vault.close();
    closers.length = 0;
    expect(await problemOf(kvOf(url).read('a', never))).toEqual({ kind: 'refused' });
  });

  it.each([
    ['sealed', { kind: 'sealed' }, { kind: 'sealed' }],
    ['not initialised', { kind: 'not-initialized' }, { kind: 'not-initialized' }],
    ['a lone standby', { kind: 'standby' }, { kind: 'standby', activeNode: undefined }],
    [
      'a standby that does not forward',
      { kind: 'standby', activeNode: 'https://vault-1.example:8200' },
      { kind: 'standby', activeNode: 'https://vault-1.example:8200' },
    ],
  ] as const)('is %s', async (_, condition, problem) => {
    const vault = await aVault();
    vault.state.condition = condition;
    expect(await problemOf(kvOf(vault.url).read('a', never))).toEqual(problem);
    expect(await problemOf(kvOf(vault.url).write('a', {}, 0, never))).toEqual(problem);
  });

  it('is a seal that only the health check reports, behind a proxy', async () => {
    const vault = await aVault();
    vault.state.condition = { kind: 'sealed' };
    vault.fault({ effect: { kind: 'answer', status: 503, body: 'no server available' } });
    expect(await problemOf(kvOf(vault.url).read('a', never))).toEqual({ kind: 'sealed' });
  });

  it('is checked by health without token and namespace, which that call does not support', async () => {
    const vault = await aVault();
    vault.state.condition = { kind: 'standby' };
    await problemOf(kvOf(vault.url, { namespace: 'team' }).read('a', never));
    expect(vault.calls.at(-1)).toEqual({
      method: 'GET',
      path: 'sys/health',
      namespace: '',
      token: undefined,
    });
  });

  it.each([
    ['a quota', 429, { errors: ['rate limit quota exceeded'] }, { kind: 'rate-limited' }],
    ['a proxy', 301, '', { kind: 'redirected', location: 'nowhere' }],
    ['a failure', 502, '<html>', { kind: 'unavailable', status: 502, reason: 'not an answer of Vault' }],
    [
      'an upgrade',
      400,
      { errors: ['Upgrading from non-versioned to versioned data.'] },
      { kind: 'unexpected', status: 400, reason: 'Upgrading from non-versioned to versioned data.' },
    ],
  ])('is %s', async (_, status, body, problem) => {
    const vault = await aVault();
    vault.fault({ effect: { kind: 'answer', status, body } });
    expect(await problemOf(kvOf(vault.url).read('a', never))).toEqual(problem);
  });

  it('is the token: missing, wrong, or without permission', async () => {
    const vault = await aVault();
    vault.state.grant('reader', { 'secret/data/a': ['read'] });
    expect(await problemOf(kvOf(vault.url, { token: undefined }).read('a', never))).toEqual({
      kind: 'no-token',
    });
    expect(vault.calls).toEqual([]);
    expect(await problemOf(kvOf(vault.url, { token: 'x' }).read('a', never))).toEqual({
      kind: 'token-rejected',
    });
    const kv = kvOf(vault.url, { token: 'reader' });
    expect(await problemOf(kv.read('b', never))).toEqual({
      kind: 'denied',
      path: 'secret/data/b',
      capabilities: ['read'],
    });
    expect(await problemOf(kv.write('a', {}, 0, never))).toEqual({
      kind: 'denied',
      path: 'secret/data/a',
      capabilities: ['create', 'update'],
    });
  });

  it('is the mount: missing, hidden, unversioned, or no KV store', async () => {
    const vault = await aVault();
    vault.state.mount('old', 'kv-v1');
    vault.state.mount('keys', 'transit');
    const problem = (mount: string) => problemOf(kvOf(vault.url, {}, mount).read('a', never));
    expect(await problem('none')).toEqual({ kind: 'no-mount', mount: 'none' });
    expect(await problem('keys')).toEqual({ kind: 'no-mount', mount: 'keys' });
    expect(await problem('old')).toEqual({ kind: 'not-kv-v2', mount: 'old', found: 'KV v1' });

    // By a wildcard in place of the mount: Vault then allows the read, but hides the mount.
    vault.state.grant('wildcard', { '+/data/a': ['read'] });
    expect(await problemOf(kvOf(vault.url, { token: 'wildcard' }).read('a', never))).toEqual({
      kind: 'hidden-mount',
      mount: 'secret',
      path: 'secret/a',
    });
  });

  it('is an unversioned store, which has data at that path', async () => {
    const vault = await aVault();
    vault.state.mount('old', 'kv-v1');
    await fetch(`${vault.url}/v1/old/data/a`, {
      method: 'POST',
      headers: { 'x-vault-token': 'root' },
      body: '{"x":"1"}',
    });
    expect(await problemOf(kvOf(vault.url, {}, 'old').read('a', never))).toMatchObject({ kind: 'not-kv-v2' });
  });

  it('is a reset connection, after the write or before', async () => {
    const vault = await aVault();
    for (const done of [true, false]) {
      vault.fault({ effect: { kind: 'reset', done } });
      expect(await problemOf(kvOf(vault.url).write('a', {}, 0, never))).toEqual({
        kind: 'broken',
        reason: 'ECONNRESET',
      });
    }
    expect(vault.state.secrets().currentVersion('a')).toBe(1);
  });
});

describe('waiting', () => {
  it('ends after the time limit, even if a response has begun', async () => {
    const stalling = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'));
    });
    stalling.listen(0, '127.0.0.1');
    await once(stalling, 'listening');
    closers.push(async () => void stalling.close());
    const address = stalling.address();
    if (address === null || typeof address === 'string') throw new Error('no port');

    const kv = kvOf(`http://127.0.0.1:${address.port}`, { timeoutMs: 50 });
    expect(await problemOf(kv.read('a', never))).toEqual({ kind: 'timeout', timeoutMs: 50 });
  });

  it('ends with the reason of the signal', async () => {
    const vault = await aVault();
    const stop = new AbortController();
    const reason = new Error('interrupted');
    const when = () => {
      stop.abort(reason);
      return true;
    };
    vault.fault({ effect: { kind: 'silence', done: false }, when });
    await expect(kvOf(vault.url).read('a', stop.signal)).rejects.toBe(reason);
  });
});

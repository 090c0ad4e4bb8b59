import { IAMClient } from '@aws-sdk/client-iam';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IamAccessKeys } from '../../../lib/adapters/iam/iam-access-keys.ts';
import { startAnsweringServer } from '../../support/answering-server.ts';
import { AwsAccount } from '../../support/aws-account/aws-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const TIMEOUT_MS = 3_000;
const OLD = new Date('2025-11-01T12:00:00Z');
const NEW = new Date('2026-02-01T12:00:00Z');

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function keysAt(endpoint: string, timeoutMs = TIMEOUT_MS): IamAccessKeys {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new IAMClient({ endpoint, region: 'eu-west-1', credentials });
  closers.unshift(async () => client.destroy());
  return new IamAccessKeys(client, 'keybuzz-ses', timeoutMs);
}

type Key =
  AwsAccount['users'] extends Map<string, { readonly accessKeys: readonly (infer One)[] }> ? One : never;

async function accountWith(...accessKeys: Key[]): Promise<AwsAccountDouble> {
  const user = { name: 'keybuzz-ses', createdAt: OLD, accessKeys };
  const double = await startAwsAccount({ account: new AwsAccount().add({ users: [user] }) });
  closers.push(() => double.close());
  return double;
}

/** An IAM that always sends the given response. */
async function respondingWith(resultFor: (body: string) => string): Promise<string> {
  const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/';
  const server = await startAnsweringServer(
    'text/xml',
    (body) =>
      `<ListAccessKeysResponse xmlns="${namespace}"><ListAccessKeysResult>${resultFor(body)}</ListAccessKeysResult></ListAccessKeysResponse>`,
  );
  closers.push(() => server.close());
  return server.url;
}

const listOf = (...members: string[]) =>
  `<AccessKeyMetadata>${members.map((member) => `<member>${member}</member>`).join('')}</AccessKeyMetadata>`;
const ACTIVE = '<Status>Active</Status>';
const created = (at: string) => `<CreateDate>${at}</CreateDate>`;

describe('the oldest active key', () => {
  it('is the older of two', async () => {
    for (const keys of [
      [OLD, NEW],
      [NEW, OLD],
    ]) {
      const { url } = await accountWith(
        ...keys.map((createdAt, index) => ({ id: `AKIA${index}`, createdAt })),
      );
      expect(await keysAt(url).oldestActive()).toEqual({ kind: 'found', createdAt: OLD });
    }
  });

  it('is not an older one that is inactive', async () => {
    const { url } = await accountWith(
      { id: 'AKIA1', createdAt: OLD, status: 'Inactive' },
      { id: 'AKIA2', createdAt: NEW },
    );
    expect(await keysAt(url).oldestActive()).toEqual({ kind: 'found', createdAt: NEW });
  });

  it('is none if all are inactive, or there are no keys', async () => {
    const inactive = await accountWith({ id: 'AKIA1', createdAt: OLD, status: 'Inactive' });
    expect(await keysAt(inactive.url).oldestActive()).toEqual({ kind: 'none' });
    expect(await keysAt((await accountWith()).url).oldestActive()).toEqual({ kind: 'none' });
  });

  it('is found on the second page', async () => {
    const double = await accountWith({ id: 'AKIA1', createdAt: NEW }, { id: 'AKIA2', createdAt: OLD });
    double.account.pageSize = 1;
    expect(await keysAt(double.url).oldestActive()).toEqual({ kind: 'found', createdAt: OLD });
    expect(double.callsOf({ action: 'ListAccessKeys' })).toBe(2);
  });

  it.each([
    ['an active key without a date', listOf(ACTIVE)],
    ['a key without a status', listOf(created('2026-01-01T00:00:00Z'))],
    ['an unknown status', listOf(`<Status>Sleeping</Status>${created('2026-01-01T00:00:00Z')}`)],
  ])('is unknown if IAM responds with %s and a complete key', async (_what, partial) => {
    const complete = listOf(ACTIVE + created('2026-01-01T00:00:00Z'));
    const members = [partial, complete].join('').replaceAll('</AccessKeyMetadata><AccessKeyMetadata>', '');
    const url = await respondingWith(() => members);
    expect(await keysAt(url).oldestActive()).toEqual({ kind: 'unreadable' });
  });

  it('rejects if a date is invalid', async () => {
    const url = await respondingWith(() => listOf(ACTIVE + created('soon')));
    await expect(keysAt(url).oldestActive()).rejects.toBeDefined();
  });

  it('times out if there is always a next page', async () => {
    const url = await respondingWith(() => '<IsTruncated>true</IsTruncated><Marker>again</Marker>');
    await expect(keysAt(url, 200).oldestActive()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    { kind: 'failure', status: 500 },
    { kind: 'reset' },
    { kind: 'denied' },
    { kind: 'throttle' },
  ] as const)('rejects if IAM fails by %j', async (fault) => {
    const double = await accountWith({ id: 'AKIA1', createdAt: OLD });
    double.fault({ fault, on: { service: 'iam' } });
    await expect(keysAt(double.url).oldestActive()).rejects.toBeDefined();
  });

  it('rejects if the user does not exist', async () => {
    const double = await startAwsAccount();
    closers.push(() => double.close());
    await expect(keysAt(double.url).oldestActive()).rejects.toBeDefined();
  });

  it.each(STALLS)('times out if the response of IAM %s', async (stall) => {
    const server = await startStallingServer(stall);
    closers.push(() => server.close());
    await expect(keysAt(server.url, 200).oldestActive()).rejects.toBeDefined();
  });
});

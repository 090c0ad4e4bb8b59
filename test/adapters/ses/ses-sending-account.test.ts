import { SESv2Client } from '@aws-sdk/client-sesv2';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SesSendingAccount } from '../../../lib/adapters/ses/ses-sending-account.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const TIMEOUT_MS = 3_000;

function clientAt(endpoint: string): SESv2Client {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return new SESv2Client({ endpoint, region: 'eu-west-1', credentials });
}

describe('the state of the sending account', () => {
  let ses: SesDouble;
  let client: SESv2Client;
  beforeEach(async () => {
    ses = await startSesDouble({ identities: ['keybuzz.io'] });
    client = clientAt(ses.url);
  });
  afterEach(async () => {
    client.destroy();
    await ses.close();
  });

  const state = () => new SesSendingAccount(client, TIMEOUT_MS).state();

  function respondWith(body: string): void {
    ses.fault({
      effect: { kind: 'garbage', accepted: true, body },
      when: ({ operation }) => operation === 'GetAccount',
    });
  }

  it('has the quota, and its usage', async () => {
    ses.account.max24HourSend = 200;
    ses.account.maxSendRate = 14;
    expect(await state()).toEqual({
      quota: { kind: 'limited', limit: 200, used: 0 },
      maxPerSecond: 14,
      isPaused: false,
    });
  });

  it('has a quota without a limit', async () => {
    ses.account.max24HourSend = -1;
    expect((await state()).quota).toEqual({ kind: 'unlimited' });
  });

  it.each([
    [true, 'HEALTHY', false],
    [true, 'PROBATION', false],
    [true, 'SHUTDOWN', true],
    [false, 'HEALTHY', true],
  ] as const)('with sending enabled: %s and %s is paused: %s', async (enabled, enforcement, isPaused) => {
    ses.account.sendingEnabled = enabled;
    ses.account.enforcementStatus = enforcement;
    expect((await state()).isPaused).toBe(isPaused);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', '50000'],
    ['no usage', { Max24HourSend: 200 }],
    ['no limit', { SentLast24Hours: 3 }],
    ['a negative limit', { Max24HourSend: -2, SentLast24Hours: 3 }],
    ['a negative usage', { Max24HourSend: 200, SentLast24Hours: -1 }],
    ['a limit that is not a number', { Max24HourSend: 'NaN', SentLast24Hours: 3 }],
    ['an infinite usage', { Max24HourSend: 200, SentLast24Hours: 'Infinity' }],
  ])('has no quota if the response has %s, but still whether it is paused', async (_what, SendQuota) => {
    respondWith(JSON.stringify({ SendQuota, SendingEnabled: false, EnforcementStatus: 'HEALTHY' }));
    expect(await state()).toEqual({ quota: undefined, maxPerSecond: undefined, isPaused: true });
  });

  it.each([
    ['{}'],
    ['{"SendingEnabled":true}'],
    ['{"EnforcementStatus":"HEALTHY"}'],
    ['{"SendingEnabled":null,"EnforcementStatus":"HEALTHY"}'],
  ])('does not know whether it is paused by %s', async (body) => {
    respondWith(body);
    expect((await state()).isPaused).toBeUndefined();
  });

  it.each([
    { kind: 'server-error', status: 500 },
    { kind: 'reset', accepted: true },
    { kind: 'garbage', accepted: true },
    { kind: 'error', code: 'AccessDeniedException', message: 'not allowed', status: 403 },
  ] as const)('rejects if SES fails by %j', async (effect) => {
    ses.fault({ effect, when: () => true, times: Number.POSITIVE_INFINITY });
    await expect(state()).rejects.toBeDefined();
  });

  it('is retried if SES fails once', async () => {
    ses.fault({ effect: { kind: 'server-error', status: 503 }, when: () => true });
    expect((await state()).isPaused).toBe(false);
  });
});

it.each(STALLS)('the state times out if the response %s', async (stall) => {
  const server = await startStallingServer(stall);
  const client = clientAt(server.url);
  try {
    await expect(new SesSendingAccount(client, 200).state()).rejects.toBeDefined();
  } finally {
    client.destroy();
    await server.close();
  }
});

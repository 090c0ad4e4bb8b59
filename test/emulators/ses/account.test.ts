import { GetSendQuotaCommand } from '@aws-sdk/client-ses';
import { GetAccountCommand } from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { DAY_MS } from '../../../lib/common/time.ts';
import { errorOf, HELLO, runDouble, send } from './running-double.ts';

/** A clock that is fixed until it is moved. */
function movableClock() {
  let ms = Date.parse('2026-03-01T12:00:00Z');
  return {
    now: () => new Date(ms),
    move: (byMs: number) => {
      ms += byMs;
    },
  };
}

const PROTOCOLS = [
  { api: 'v1', throttled: { name: 'Throttling', status: 400 } },
  { api: 'v2', throttled: { name: 'TooManyRequestsException', status: 429 } },
] as const;

describe.each(PROTOCOLS)('limits by $api', ({ api, throttled }) => {
  const tooFast = { ...throttled, message: 'Maximum sending rate exceeded.' };
  const quotaUsed = { ...throttled, message: 'Daily message quota exceeded.' };

  it('enforce the sending rate, and recover as time passes', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 2 });
    await send(running, api);
    await send(running, api);
    expect(await errorOf(send(running, api))).toEqual(tooFast);
    clock.move(499);
    expect(await errorOf(send(running, api))).toEqual(tooFast);
    clock.move(1);
    await send(running, api);
    expect(await errorOf(send(running, api))).toEqual(tooFast);
    expect(running.double.mails).toHaveLength(3);
  });

  it('accept a sender with exactly 14 a second', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 14 });
    for (let sent = 0; sent < 14; sent += 1) await send(running, api);
    for (let second = 0; second < 3; second += 1) {
      clock.move(1000);
      for (let sent = 0; sent < 14; sent += 1) await send(running, api);
    }
    expect(running.double.calls.every(({ outcome }) => 'status' in outcome && outcome.status === 200)).toBe(
      true,
    );
  });

  it('are not extended by attempts in between', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 10 });
    for (let sent = 0; sent < 10; sent += 1) await send(running, api);
    for (let attempts = 1; attempts < 10; attempts += 1) {
      clock.move(10);
      expect(await errorOf(send(running, api))).toEqual(tooFast);
    }
    clock.move(10);
    await send(running, api);
    expect(running.double.mails).toHaveLength(11);
  });

  it('count recipients, not calls, for the rate', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 3 });
    await send(running, api, { to: ['a@example.net', 'b@example.net'] });
    expect(await errorOf(send(running, api, { to: ['a@example.net', 'b@example.net'] }))).toEqual(tooFast);
    await send(running, api, { to: ['c@example.net'] });
    expect(running.double.mails).toHaveLength(2);
  });

  it('delay later calls after one with more recipients than the rate', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 1 });
    await send(running, api, { to: ['a@example.net', 'b@example.net', 'c@example.net'] });
    clock.move(2999);
    expect(await errorOf(send(running, api))).toEqual(tooFast);
    clock.move(1);
    await send(running, api);
    expect(running.double.mails).toHaveLength(2);
  });

  it('do not count rejected calls', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 1, max24HourSend: 1 });
    await errorOf(send(running, api, { tags: { id: 'not allowed' } }));
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });

  it('enforce the daily quota over a sliding window of 24 hours', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 10, max24HourSend: 3 });
    await send(running, api, { to: ['a@example.net', 'b@example.net'] });
    clock.move(DAY_MS / 2);
    expect(await errorOf(send(running, api, { to: ['a@example.net', 'b@example.net'] }))).toEqual(quotaUsed);
    await send(running, api);
    clock.move(DAY_MS / 2 - 1);
    expect(await errorOf(send(running, api))).toEqual(quotaUsed);
    clock.move(1);
    await send(running, api, { to: ['a@example.net', 'b@example.net'] });
    expect(await errorOf(send(running, api))).toEqual(quotaUsed);
  });

  it('do not count the mailbox simulator for the daily quota, but for the rate', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 1, max24HourSend: 0 });
    await send(running, api, { to: ['bounce+1@simulator.amazonses.com'] });
    expect(await errorOf(send(running, api, { to: ['bounce@simulator.amazonses.com'] }))).toEqual(tooFast);
    expect(await errorOf(send(running, api))).toEqual(quotaUsed);
  });

  it('have no daily quota if it is -1', async () => {
    const running = await runDouble({ max24HourSend: -1 });
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });

  it('change while the account runs', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 1 });
    await send(running, api);
    running.double.account.maxSendRate = 100;
    clock.move(10);
    await send(running, api);
    expect(running.double.mails).toHaveLength(2);
  });
});

describe.each(['v1', 'v2'] as const)('identities by %s', (api) => {
  const from = (address: string) => HELLO.replace('shop@example.org', address);

  it('cover a domain with its subdomains, case-insensitively', async () => {
    const running = await runDouble({ identities: ['Example.org'] });
    await send(running, api, { raw: from('shop@EXAMPLE.ORG') });
    await send(running, api, { raw: from('shop@mail.eu.example.org') });
    expect(running.double.mails).toHaveLength(2);
  });

  it('cover a single address, and no other of its domain', async () => {
    const running = await runDouble({ identities: ['shop@example.org'] });
    await send(running, api);
    const error = await errorOf(send(running, api, { raw: from('office@example.org') }));
    expect(error).toMatchObject({ name: 'MessageRejected' });
  });

  it('may be verified while the account runs', async () => {
    const running = await runDouble({ identities: [] });
    await errorOf(send(running, api));
    running.double.account.identities.add('example.org');
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });
});

describe.each(['v1', 'v2'] as const)('the sandbox by %s', (api) => {
  it('accepts only verified recipients and the mailbox simulator', async () => {
    const running = await runDouble({
      sandbox: true,
      maxSendRate: 10,
      identities: ['example.org', 'friend@example.net'],
    });
    const fine = ['colleague@sub.example.org', 'friend@example.net', 'success+1@simulator.amazonses.com'];
    await send(running, api, { to: fine });
    const error = await errorOf(send(running, api, { to: [...fine, 'buyer@example.net', 'x@example.com'] }));
    expect(error).toEqual({
      name: 'MessageRejected',
      message:
        'Email address is not verified. The following identities failed the check in region EU-WEST-1: buyer@example.net, x@example.com',
      status: 400,
    });
    expect(running.double.mails).toHaveLength(1);
  });

  it('can be entered and left while the account runs', async () => {
    const running = await runDouble();
    running.double.account.sandbox = true;
    await errorOf(send(running, api));
    running.double.account.sandbox = false;
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });
});

describe('the state of the account', () => {
  it('is returned by GetSendQuota', async () => {
    const clock = movableClock();
    const running = await runDouble({ clock, maxSendRate: 14, max24HourSend: 500 });
    await send(running, 'v1', { to: ['a@example.net', 'b@example.net'] });
    const quota = await running.v1.send(new GetSendQuotaCommand({}));
    expect(quota).toMatchObject({ Max24HourSend: 500, MaxSendRate: 14, SentLast24Hours: 2 });
    clock.move(DAY_MS);
    expect(await running.v1.send(new GetSendQuotaCommand({}))).toMatchObject({ SentLast24Hours: 0 });
  });

  it('is returned by GetAccount', async () => {
    const running = await runDouble({ sandbox: true });
    await send(running, 'v2', { to: ['success@simulator.amazonses.com'] });
    running.double.account.sendingEnabled = false;
    expect(await running.v2.send(new GetAccountCommand({}))).toMatchObject({
      ProductionAccessEnabled: false,
      SendingEnabled: false,
      EnforcementStatus: 'HEALTHY',
      SendQuota: { Max24HourSend: 200, MaxSendRate: 1, SentLast24Hours: 0 },
    });
  });
});

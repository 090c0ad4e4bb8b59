import { GetAccountCommand } from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../../lib/common/time.ts';
import { errorOf, runDouble, send } from './running-double.ts';

const PROTOCOLS = [
  {
    api: 'v1',
    internal: 'InternalFailure',
    unavailable: 'ServiceUnavailable',
    throttled: { name: 'Throttling', status: 400 },
  },
  {
    api: 'v2',
    internal: 'InternalServiceErrorException',
    unavailable: 'ServiceUnavailableException',
    throttled: { name: 'TooManyRequestsException', status: 429 },
  },
] as const;

describe.each(PROTOCOLS)('a fault by $api', ({ api, internal, unavailable, throttled }) => {
  it.each([
    [500, internal],
    [503, unavailable],
  ] as const)('may be a server error %i', async (status, name) => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'server-error', status } });
    expect(await errorOf(send(running, api))).toMatchObject({ name, status });
    expect(running.double.mails).toHaveLength(0);
  });

  it('may be throttling, with the text of either limit', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'throttling' } });
    running.double.fault({ effect: { kind: 'throttling', message: 'Daily message quota exceeded.' } });
    const errors = [await errorOf(send(running, api)), await errorOf(send(running, api))];
    expect(errors).toEqual([
      { ...throttled, message: 'Maximum sending rate exceeded.' },
      { ...throttled, message: 'Daily message quota exceeded.' },
    ]);
    expect(running.double.mails).toHaveLength(0);
  });

  it('may be any error by its code', async () => {
    const running = await runDouble();
    const message = "User: arn:aws:sts::1:x is not authorized to perform 'ses:SendRawEmail' & <more>";
    running.double.fault({ effect: { kind: 'error', code: 'AccessDenied', message, status: 403 } });
    expect(await errorOf(send(running, api))).toEqual({ name: 'AccessDenied', message, status: 403 });
  });

  it.each([true, false])('may be a reset before the response (accepted: %s)', async (accepted) => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'reset', accepted } });
    const error = await errorOf(send(running, api));
    expect(error).toMatchObject({
      status: undefined,
      message: expect.stringContaining('read ECONNRESET'),
    });
    expect(running.double.mails).toHaveLength(accepted ? 1 : 0);
    expect(running.double.calls.map(({ outcome }) => outcome)).toEqual([{ kind: 'reset' }]);
  });

  it.each([true, false])('may be no response (accepted: %s)', async (accepted) => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'silence', accepted } });
    const giveUp = new AbortController();
    const call = errorOf(send(running, api, {}, giveUp.signal));
    await running.double.waitForCall(({ outcome }) => outcome.kind === 'silence');
    giveUp.abort();
    expect(await call).toMatchObject({ name: 'AbortError' });
    expect(running.double.mails).toHaveLength(accepted ? 1 : 0);
  });

  it('may be no response until the server closes', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'silence', accepted: false } });
    const call = errorOf(send(running, api));
    await running.double.waitForCall(({ outcome }) => outcome.kind === 'silence');
    await running.double.close();
    expect(await call).toMatchObject({ status: undefined });
  });

  it('may be a slow response: the mail is accepted at once, the response is sent later', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'slow-answer', delayMs: 50 } });
    let responded = false;
    const call = send(running, api).finally(() => {
      responded = true;
    });
    const started = performance.now();
    const mail = await running.double.waitFor(() => true);
    expect(responded).toBe(false);
    expect(await call).toBe(mail.sesMessageId);
    // timers may fire a little early by this clock
    expect(performance.now() - started).toBeGreaterThan(40);
  });

  it('may be a slow response that a client does not wait for', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'slow-answer', delayMs: HOUR_MS } });
    const giveUp = new AbortController();
    const call = errorOf(send(running, api, {}, giveUp.signal));
    await running.double.waitFor(() => true);
    giveUp.abort();
    expect(await call).toMatchObject({ name: 'AbortError' });
  });

  it.each([true, false])('may be garbage with status 200 (accepted: %s)', async (accepted) => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'garbage', accepted, body: '{"<not an answer' } });
    const error = await errorOf(send(running, api));
    expect(error).toMatchObject({ status: 200, message: expect.stringContaining('Deserialization error') });
    expect(running.double.mails).toHaveLength(accepted ? 1 : 0);
  });

  it('may be an empty response, which the SDK treats as a success without an id', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'garbage', accepted: true, body: '' } });
    expect(await send(running, api)).toBeUndefined();
    expect(running.double.mails).toHaveLength(1);
  });

  it('affects as many calls as configured, then none', async () => {
    const running = await runDouble();
    const fault = running.double.fault({ effect: { kind: 'throttling' }, times: 2 });
    await errorOf(send(running, api));
    await errorOf(send(running, api));
    await send(running, api);
    expect(fault.hits).toBe(2);
    expect(running.double.mails).toHaveLength(1);
  });

  it('affects only matching calls, such as those of one delivery', async () => {
    const running = await runDouble();
    running.double.fault({
      effect: { kind: 'reset', accepted: true },
      when: ({ submission }) => submission?.tags['delivery-id'] === 'b',
    });
    await send(running, api, { tags: { 'delivery-id': 'a' } });
    await errorOf(send(running, api, { tags: { 'delivery-id': 'b' } }));
    await send(running, api, { tags: { 'delivery-id': 'b' } });
    expect(running.double.mails.map(({ tags }) => tags['delivery-id'])).toEqual(['a', 'b', 'b']);
  });

  it('stays until it is removed or all are cleared', async () => {
    const running = await runDouble();
    const permanent = { effect: { kind: 'throttling' }, times: Number.POSITIVE_INFINITY } as const;
    const fault = running.double.fault(permanent);
    for (let call = 0; call < 5; call += 1) await errorOf(send(running, api));
    fault.remove();
    await send(running, api);
    running.double.fault(permanent);
    await errorOf(send(running, api));
    running.double.clearFaults();
    await send(running, api);
    expect(running.double.mails).toHaveLength(2);
  });

  it('does not make SES accept what it would reject', async () => {
    const running = await runDouble();
    running.double.fault({ effect: { kind: 'reset', accepted: true } });
    await errorOf(send(running, api, { source: 'a@other.example' }));
    expect(running.double.mails).toHaveLength(0);
  });
});

describe('a fault', () => {
  it('affects only calls that send by default', async () => {
    const running = await runDouble();
    const fault = running.double.fault({ effect: { kind: 'server-error', status: 500 } });
    await running.v2.send(new GetAccountCommand({}));
    expect(fault.hits).toBe(0);
    running.double.clearFaults();
    running.double.fault({
      effect: { kind: 'server-error', status: 500 },
      when: ({ operation }) => operation === 'GetAccount',
    });
    const error = await errorOf(running.v2.send(new GetAccountCommand({})));
    expect(error).toMatchObject({ name: 'InternalServiceErrorException', status: 500 });
  });

  it('must affect at least one call', async () => {
    const { double } = await runDouble();
    expect(() => double.fault({ effect: { kind: 'throttling' }, times: 0 })).toThrow('got 0');
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SmtpPoolRoute } from '../../lib/adapters/smtp/smtp-pool-route.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { type BreakerState, CircuitBreakerRoute } from '../../lib/mailer/circuit-breaker.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import type { SmtpResult } from '../../lib/ports/senders.ts';
import { aDelivery } from '../support/a-delivery.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

describe('the circuit breaker', () => {
  let double: SmtpDouble;
  let breaker: CircuitBreakerRoute;
  let changes: BreakerState[];
  let changed: (state: BreakerState) => void;

  /** Resolves at the breaker's next change to the state. */
  const becomes = (wanted: BreakerState) =>
    new Promise<void>((resolve) => {
      changed = (state) => {
        if (state === wanted) resolve();
      };
    });

  const classOf = (result: SmtpResult) => (result.kind === 'failed' ? result.failure.class : 'taken');

  async function send(times: number): Promise<string[]> {
    const classes: string[] = [];
    for (let time = 0; time < times; time += 1) classes.push(classOf(await breaker.send(aDelivery())));
    return classes;
  }

  beforeEach(async () => {
    changes = [];
    changed = () => {};
    double = await startSmtpDouble();
    breaker = new CircuitBreakerRoute(new SmtpPoolRoute(smtpSettingsFor(double)), {
      breakerFailures: 3,
      breakerProbeIntervalMs: 50,
      clock: systemClock,
      random: () => 0,
      onChange: (state) => {
        changes.push(state);
        changed(state);
      },
    });
  });

  afterEach(async () => {
    await breaker.close();
    await double.close();
  });

  it('opens after three connection failures in a row, and then stops trying', async () => {
    await double.behave({ kind: 'break', at: 'connect', by: 'reset' });

    const classes = await send(3);
    const before = double.connections;
    const next = breaker.send(aDelivery());

    expect(classes).toEqual(['unreachable', 'unreachable', 'unreachable']);
    expect(classOf(await next)).toBe('circuit-open');
    expect(double.connections).toBe(before);
    expect(changes).toEqual(['open']);
  });

  it.each([
    ['auth', { kind: 'auth-required' }],
    ['unknown', { kind: 'break', at: 'final-dot', by: 'reset' }],
    ['deferred', { kind: 'greeting', reply: '421 4.3.2 Too busy' }],
  ] as const)(
    'opens for %s as well: the next mail would fail in the same way',
    async (failureClass, behaviour) => {
      await double.behave(behaviour);

      expect(await send(4)).toEqual([failureClass, failureClass, failureClass, 'circuit-open']);
    },
  );

  it('reports for mails that it does not try the failure of the last probe', async () => {
    await double.behave({ kind: 'refused' });
    await send(3);
    expect(await breaker.send(aDelivery())).toMatchObject({ failure: { openedBy: 'unreachable' } });

    await double.behave({ kind: 'certificate', flaw: 'expired' });
    while (breaker.circuitOpen().openedBy === 'unreachable') await double.reached('connect');

    expect(await breaker.send(aDelivery())).toMatchObject({
      failure: { class: 'circuit-open', openedBy: 'tls' },
    });
  });

  it('stays closed for a server that rejects mails', async () => {
    await double.behave({ kind: 'relay-denied' });

    expect(await send(6)).toEqual(Array.from({ length: 6 }, () => 'rejected'));
    expect(breaker.state).toBe('closed');
  });

  it('counts only failures in a row', async () => {
    for (const behaviour of [
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'healthy' },
      { kind: 'refused' },
      { kind: 'refused' },
    ] as const) {
      await double.behave(behaviour);
      await send(1);
    }

    expect(breaker.state).toBe('closed');
  });

  it('closes once a probe succeeds, without risking a mail', async () => {
    await double.behave({ kind: 'refused' });
    await send(3);
    const closed = becomes('closed');
    await double.behave({ kind: 'healthy' });
    await closed;

    expect(double.mails).toEqual([]);
    expect(await send(1)).toEqual(['taken']);
  });

  it('fails mails that wait for a session when it opens', async () => {
    await double.behave({ kind: 'blackhole' });

    const results = await Promise.all(Array.from({ length: 12 }, () => breaker.send(aDelivery())));

    const classes = results.map(classOf);
    expect(classes.filter((name) => name === 'unreachable').length).toBeLessThanOrEqual(4);
    expect(classes.filter((name) => name === 'circuit-open').length).toBeGreaterThanOrEqual(8);
  });

  it('stops probing after close()', async () => {
    await double.behave({ kind: 'break', at: 'connect', by: 'reset' });
    await send(3);
    await double.reached('connect');

    await breaker.close();

    const probed = double.reached('connect', { signal: AbortSignal.timeout(300) });
    await expect(probed).rejects.toThrow();
  });
});

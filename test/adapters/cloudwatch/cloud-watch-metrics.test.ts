import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CloudWatchMetrics,
  type CloudWatchMetricsOptions,
} from '../../../lib/adapters/cloudwatch/cloud-watch-metrics.ts';
import { MINUTE_MS } from '../../../lib/common/time.ts';
import type { AwsFault } from '../../../lib/emulators/aws/aws-fault.ts';
import { FaultProxy } from '../../../lib/emulators/aws/fault-proxy.ts';
import type { LogFields } from '../../../lib/ports/runtime.ts';
import { MetricSink } from '../../support/metric-sink.ts';
import { startStallingServer } from '../../support/stalling-server.ts';

const WITH_LABELS = [
  { name: 'SmtpFailed', by: ['tls', 'auth', 'deferred', 'rejected', 'unknown'] },
  { name: 'Bounced', by: ['hard', 'soft'] },
  { name: 'Suppressed', by: ['hard-bounce', 'complaint', 'soft-bounces', 'manual'] },
] as const;
const SOON = () => ({ signal: AbortSignal.timeout(20_000) });

describe('the metrics that a worker publishes', () => {
  let sink: MetricSink;
  let proxy: FaultProxy;
  let metrics: CloudWatchMetrics;
  let nowMs: number;
  let logged: [string, LogFields | undefined][];
  const events = new EventEmitter();

  function open(options: Partial<CloudWatchMetricsOptions> = {}, tryTimeoutMs = 20_000): CloudWatchMetrics {
    const write = (event: string, fields?: LogFields) => {
      logged.push([event, fields]);
      events.emit(event);
    };
    metrics = new CloudWatchMetrics({
      connection: {
        region: 'eu-west-1',
        accessKeyId: 'key',
        secretAccessKey: 'hidden',
        endpoint: proxy.endpoint,
        tryTimeoutMs,
      },
      namespace: 'keybuzz/mail-worker',
      stage: 'dev',
      measure: async () => {},
      clock: { now: () => new Date(nowMs) },
      log: { info: write, warn: write, error: write },
      ...options,
    });
    return metrics;
  }

  beforeEach(async () => {
    sink = await MetricSink.start();
    proxy = await FaultProxy.start(sink.port);
    nowMs = Date.parse('2026-05-04T10:00:59.900Z');
    logged = [];
    open();
  });

  afterEach(async () => {
    await metrics.stop(0);
    await proxy.close();
    await sink.close();
  });

  const published = () =>
    sink.arrived.map(
      ({ name, dimensions, minute, value, times }) =>
        `${minute.slice(11, 16)} ${name} ${dimensions} ${value} × ${times}`,
    );

  it('have the minute in which they were added, their names and units, in one call', async () => {
    metrics.add('SmtpTaken', 1);
    metrics.add('SmtpTaken', 1);
    metrics.add('OutboxWaiting', 0);
    nowMs += 200;
    metrics.add('SmtpTaken', 1);
    metrics.add('OutboxOldestDue', 1.5);
    await metrics.flush();

    expect(published()).toEqual([
      '10:00 SmtpTaken stage=dev 1 × 2',
      '10:00 OutboxWaiting stage=dev 0 × 1',
      '10:01 SmtpTaken stage=dev 1 × 1',
      '10:01 OutboxOldestDue stage=dev 1.5 × 1',
    ]);
    expect(sink.arrived.every(({ minute }) => minute.endsWith(':00.000Z'))).toBe(true);
    expect(sink.arrived.map(({ unit }) => unit)).toEqual(['Count', 'Count', 'Count', 'Seconds']);
    expect(new Set(sink.arrived.map(({ namespace }) => namespace))).toEqual(new Set(['keybuzz/mail-worker']));
    expect(sink.calls).toHaveLength(1);
  });

  it('have their second dimension, and the total as well if defined', async () => {
    metrics.add('SmtpFailed', 1, 'tls');
    metrics.add('SmtpFailed', 1, 'marie@example.org');
    metrics.add('HandedOver', 2, 'auth');
    await metrics.flush();

    expect(published()).toEqual([
      '10:00 SmtpFailed stage=dev,class=tls 1 × 1',
      '10:00 SmtpFailed stage=dev,class=other 1 × 1',
      '10:00 HandedOver stage=dev,class=auth 2 × 1',
      '10:00 HandedOver stage=dev 2 × 1',
    ]);
  });

  it('make no call if nothing was counted, or nothing that is a number', async () => {
    metrics.add('OutboxOldestDue', Number.NaN);
    metrics.add('OutboxOldestDue', Number.POSITIVE_INFINITY);
    await metrics.flush();

    expect(proxy.callsOf({})).toBe(0);
  });

  it('are measured and published at the start, and again in each period', async () => {
    let measured = 0;
    open({
      periodMs: 5,
      measure: async () => {
        measured += 1;
        metrics.add('OutboxWaiting', measured);
      },
    }).start();
    await sink.calledTimes(3);

    expect(sink.arrived.slice(0, 3).map(({ value }) => value)).toEqual([1, 2, 3]);
  });

  it('are published without what could not be measured', async () => {
    open({ measure: async () => Promise.reject(Object.assign(new Error('down'), { code: 'EOUTBOX' })) });
    metrics.add('SmtpTaken', 1);
    metrics.start();
    await sink.calledTimes(1);

    expect(published()).toEqual(['10:00 SmtpTaken stage=dev 1 × 1']);
    expect(logged).toEqual([['not-measured', { code: 'EOUTBOX' }]]);
  });

  it.each<[string, AwsFault, RegExp]>([
    ['fails', { kind: 'error', status: 500 }, /^InternalError$/],
    ['denies', { kind: 'denied' }, /^AccessDeniedException$/],
    // Under jest the SDK does not recognise a Node error as an Error, and wraps it.
    ['resets the connection', { kind: 'reset', done: false }, /^(ECONNRESET|Error)$/],
  ])('are published later if CloudWatch %s, and logged once', async (_, fault, code) => {
    proxy.fault({ fault });
    metrics.add('SmtpTaken', 1);
    await metrics.flush();
    await metrics.flush();
    expect(sink.calls).toEqual([]);
    proxy.heal();
    metrics.add('SmtpTaken', 1);
    nowMs += MINUTE_MS;
    metrics.add('SmtpTaken', 1);
    await metrics.flush();
    await metrics.flush();

    expect(published()).toEqual(['10:00 SmtpTaken stage=dev 1 × 2', '10:01 SmtpTaken stage=dev 1 × 1']);
    expect(logged).toEqual([
      ['metrics-not-published', { code: expect.stringMatching(code) }],
      ['metrics-published-again', undefined],
    ]);
    expect(JSON.stringify(logged)).not.toContain('hidden');
  });

  it('are published later if CloudWatch does not respond', async () => {
    open({}, 1_000);
    proxy.fault({ fault: { kind: 'silence', done: false } });
    metrics.add('SmtpTaken', 1);
    await metrics.flush();
    expect(logged).toEqual([['metrics-not-published', { code: expect.stringMatching(/time/i) }]]);
    proxy.heal();
    await metrics.flush();

    expect(published()).toEqual(['10:00 SmtpTaken stage=dev 1 × 1']);
  });

  it.each(['stalls in the body', 'trickles'] as const)(
    'are published later if a response %s',
    async (stall) => {
      const server = await startStallingServer(stall);
      try {
        const connection = { region: 'eu-west-1', accessKeyId: 'key', secretAccessKey: 'hidden' };
        open({ connection: { ...connection, endpoint: server.url, tryTimeoutMs: 20 } });
        metrics.add('SmtpTaken', 1);
        await metrics.flush();
      } finally {
        await server.close();
      }

      expect(logged).toEqual([['metrics-not-published', { code: expect.any(String) }]]);
    },
  );

  it('block nothing while CloudWatch hangs, and have one call in progress at most', async () => {
    let measured = 0;
    open({
      periodMs: 5,
      measure: async () => {
        measured += 1;
        metrics.add('OutboxWaiting', 7);
      },
    });
    proxy.fault({ fault: { kind: 'silence', done: false } });
    const arrival = proxy.arrival({}, SOON());
    metrics.start();
    await arrival;
    let ticks = 0;
    const other = setInterval(() => {
      ticks += 1;
      events.emit('tick');
    }, 5);
    while (ticks < 5) await once(events, 'tick', SOON());
    clearInterval(other);
    metrics.add('SmtpTaken', 1);

    expect(measured).toBe(1);
    expect(proxy.callsOf({})).toBe(1);
  });

  it('are dropped if they could not be published for an hour', async () => {
    proxy.fault({ fault: { kind: 'denied' } });
    metrics.add('SmtpTaken', 1);
    await metrics.flush();
    nowMs += 2 * MINUTE_MS;
    metrics.add('SmtpTaken', 1);
    await metrics.flush();
    proxy.heal();
    nowMs += 59 * MINUTE_MS;
    await metrics.flush();

    expect(published()).toEqual(['10:02 SmtpTaken stage=dev 1 × 1']);
  });

  it('are dropped if a wrong clock has put them far ahead', async () => {
    nowMs += 3 * 60 * MINUTE_MS;
    metrics.add('SmtpTaken', 1);
    nowMs -= 3 * 60 * MINUTE_MS;
    metrics.add('SmtpTaken', 1);
    nowMs -= MINUTE_MS;
    await metrics.flush();

    expect(published()).toEqual(['10:00 SmtpTaken stage=dev 1 × 1']);
  });

  it('are published at the stop, without another measurement', async () => {
    const measured: number[] = [];
    open({
      measure: async () => {
        measured.push(1);
        metrics.add('OutboxWaiting', 0);
      },
    });
    metrics.start();
    await sink.calledTimes(1);
    metrics.add('SmtpTaken', 1);
    await metrics.stop(20_000);

    expect(published()).toEqual(['10:00 OutboxWaiting stage=dev 0 × 1', '10:00 SmtpTaken stage=dev 1 × 1']);
    expect(measured).toHaveLength(1);
  });

  it('do not block the end of a process, even if CloudWatch and the outbox hang', async () => {
    open({
      measure: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    });
    proxy.fault({ fault: { kind: 'silence', done: false } });
    metrics.start();
    metrics.add('SmtpTaken', 1);
    await metrics.stop(20);

    expect(sink.calls).toEqual([]);
  });

  it('fit into calls that CloudWatch accepts, however many they are', async () => {
    for (let minute = 0; minute < 59; minute += 1) {
      for (const cause of ['tls', 'auth', 'deferred', 'rejected', 'unknown'])
        metrics.add('SmtpFailed', 1, cause);
      for (const by of ['tls', 'auth', 'deferred']) metrics.add('HandedOver', 1, by);
      for (let value = 0; value < 20; value += 1) metrics.add('TimeToAcceptance', minute < 10 ? value : 1);
      nowMs += MINUTE_MS;
    }
    for (let value = 0; value < 400; value += 1) metrics.add('TimeToAcceptance', value);
    await metrics.flush();

    expect(sink.calls.length).toBeGreaterThan(1);
    const last = sink.arrived.filter(
      ({ name, minute }) => name === 'TimeToAcceptance' && minute.includes('T10:59'),
    );
    expect(last.map(({ value }) => value)).toEqual(Array.from({ length: 400 }, (_, value) => value));
    expect(sink.arrived.filter(({ name }) => name === 'SmtpFailed')).toHaveLength(5 * 59);
  });

  it('arrive once if CloudWatch accepted only the first of several calls', async () => {
    for (let minute = 0; minute < 59; minute += 1) {
      for (const { name, by } of WITH_LABELS) for (const label of by) metrics.add(name, 1, label);
      nowMs += MINUTE_MS;
    }
    const first = proxy.arrival({}, SOON()).then(() => proxy.fault({ fault: { kind: 'denied' } }));
    await Promise.all([metrics.flush(), first]);
    expect(sink.calls).toHaveLength(1);
    proxy.heal();
    await metrics.flush();

    expect(sink.calls.length).toBeGreaterThan(1);
    expect(sink.arrived).toHaveLength(59 * WITH_LABELS.flatMap(({ by }) => by).length);
  });

  it('all arrive once, whenever CloudWatch rejects calls', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('add' as const), value: fc.nat(3) }),
        fc.record({ kind: fc.constant('flush' as const), refused: fc.boolean() }),
        fc.record({ kind: fc.constant('later' as const) }),
      ),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const before = sink.arrived.length;
        let expected = 0;
        for (const step of sequence) {
          if (step.kind === 'later') nowMs += MINUTE_MS;
          else if (step.kind === 'add') {
            metrics.add('OutboxWaiting', step.value);
            expected += step.value;
          } else {
            if (step.refused) proxy.fault({ fault: { kind: 'denied' } });
            await metrics.flush();
            proxy.heal();
          }
        }
        await metrics.flush();
        const arrived = sink.arrived.slice(before);
        expect(arrived.reduce((sum, { value, times }) => sum + value * times, 0)).toBe(expected);
      }),
      { numRuns: 40 },
    );
  });
});

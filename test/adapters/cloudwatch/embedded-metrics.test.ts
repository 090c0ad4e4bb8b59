import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EmbeddedMetrics } from '../../../lib/adapters/cloudwatch/embedded-metrics.ts';
import { METRICS, type MetricDefinition, type MetricName } from '../../../lib/domain/metrics.ts';
import { readEmf, readMetrics } from '../../support/emf-document.ts';

const NOW = new Date('2026-11-22T12:00:00.123Z');
const DEFINITIONS: Readonly<Record<string, MetricDefinition>> = METRICS;
const NAMES = Object.keys(METRICS) as MetricName[];

let lines: string[];
let metrics: EmbeddedMetrics;

beforeEach(() => {
  lines = [];
  metrics = new EmbeddedMetrics({
    namespace: 'keybuzz/mail',
    stage: 'prod',
    write: (line) => void lines.push(line),
    clock: { now: () => NOW },
  });
});

/** The metrics that CloudWatch extracts from the lines so far. */
const written = () => {
  metrics.flush();
  return Object.fromEntries(readMetrics(lines));
};

/** The series of a metric in CloudWatch, with or without the second dimension. */
const seriesOf = (name: MetricName, second?: string) =>
  ['keybuzz/mail', 'stage=prod', ...(second === undefined ? [] : [second]), name].join(' ');

const sum = (values: readonly number[] = []) => values.reduce((all, value) => all + value, 0);

describe('metrics in the log', () => {
  it('are one line of JSON each, with the time in milliseconds', () => {
    metrics.add('Resent', 2);
    metrics.add('HandedOver', 2, 'tls');

    metrics.flush();

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(readEmf(lines[0] ?? '')._aws.Timestamp).toBe(NOW.getTime());
  });

  it('sum up counts, and keep all other values, so that percentiles can be computed', () => {
    metrics.add('Resent', 2);
    metrics.add('Resent', 3);
    metrics.add('TimeToAcceptance', 900);
    metrics.add('TimeToAcceptance', 1200);

    expect(written()).toEqual({
      [seriesOf('Resent')]: [5],
      [seriesOf('TimeToAcceptance')]: [900, 1200],
    });
  });

  it('have their unit', () => {
    metrics.add('MailRetryAge', 7);
    metrics.add('Suppressed', 1, 'manual');
    metrics.flush();

    const units = lines
      .map(readEmf)
      .flatMap(({ _aws }) => _aws.CloudWatchMetrics)
      .flatMap(({ Metrics }) => Metrics.map(({ Name, Unit }) => [Name, Unit]));
    expect(Object.fromEntries(units)).toEqual({ MailRetryAge: 'Seconds', Suppressed: 'Count' });
  });

  it('are on one line for each value of a second dimension, with a total if defined', () => {
    metrics.add('HandedOver', 3, 'tls');
    metrics.add('HandedOver', 4, 'auth');
    metrics.add('Suppressed', 1, 'manual');
    metrics.add('Expired', 1);

    expect(written()).toEqual({
      [seriesOf('HandedOver')]: [3, 4],
      [seriesOf('HandedOver', 'class=tls')]: [3],
      [seriesOf('HandedOver', 'class=auth')]: [4],
      [seriesOf('Suppressed', 'cause=manual')]: [1],
      [seriesOf('Expired')]: [1],
    });
    expect(lines).toHaveLength(3);
  });

  it('count unknown labels as other, whether the set has other or not', () => {
    metrics.add('DeadLettered', 1, 'a new reason');
    metrics.add('Suppressed', 1, '');
    metrics.add('HandedOver', 1, 'constructor');

    expect(written()).toEqual({
      [seriesOf('DeadLettered', 'cause=other')]: [1],
      [seriesOf('Suppressed', 'cause=other')]: [1],
      [seriesOf('HandedOver')]: [1],
      [seriesOf('HandedOver', 'class=other')]: [1],
    });
  });

  it('have no more than 100 values of a metric on a line', () => {
    for (let value = 0; value < 250; value += 1) metrics.add('TimeToDelivery', value);
    metrics.add('Delivered', 250);

    expect(written()[seriesOf('TimeToDelivery')]).toEqual(Array.from({ length: 250 }, (_, index) => index));
    expect(written()[seriesOf('Delivered')]).toEqual([250]);
    expect(lines).toHaveLength(3);
  });

  it('omit what JSON cannot express', () => {
    metrics.add('TimeToDelivery', Number.NaN);
    metrics.add('Resent', Number.POSITIVE_INFINITY);

    metrics.flush();

    expect(lines).toEqual([]);
  });

  it('are written once, and no line without metrics', () => {
    metrics.flush();
    expect(lines).toEqual([]);
    metrics.add('Resent', 1);
    metrics.flush();
    metrics.flush();

    expect(lines).toHaveLength(1);
  });

  it('do not throw if they cannot be written, and are not written later', () => {
    let isBroken = true;
    const broken = new EmbeddedMetrics({
      namespace: 'keybuzz/mail',
      stage: 'prod',
      write: (line) => {
        if (isBroken) throw new Error('EPIPE');
        lines.push(line);
      },
      clock: { now: () => NOW },
    });
    broken.add('Resent', 1);

    expect(() => broken.flush()).not.toThrow();
    isBroken = false;
    broken.flush();

    expect(lines).toEqual([]);
  });

  it('add up to what was added, by metric and label', () => {
    const addition = fc.constantFrom(...NAMES).chain((name) =>
      fc.record({
        name: fc.constant(name),
        value: fc.nat(1_000_000),
        label: fc.constantFrom(...(DEFINITIONS[name]?.by?.values ?? [undefined]), 'strange'),
      }),
    );
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 400, size: 'max' }), (additions) => {
        lines = [];
        const expected = new Map<string, number>();
        const expectMore = (series: string, value: number) =>
          expected.set(series, (expected.get(series) ?? 0) + value);
        for (const { name, value, label } of additions) {
          metrics.add(name, value, label ?? '');
          const by = DEFINITIONS[name]?.by;
          const known = by?.values.includes(label ?? '') ? label : 'other';
          if (by !== undefined) expectMore(seriesOf(name, `${by.dimension}=${known}`), value);
          if (by === undefined || by.total) expectMore(seriesOf(name), value);
        }

        const all = new Map(Object.entries(written()).map(([series, values]) => [series, sum(values)]));

        expect(all).toEqual(expected);
      }),
    );
  });

  it('fit into one directive together', () => {
    expect(NAMES.length).toBeLessThanOrEqual(100);
  });
});

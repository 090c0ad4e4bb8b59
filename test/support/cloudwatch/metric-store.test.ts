import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type MetricId, MetricStore } from './metric-store.ts';
import { readStatistic, type Statistic } from './statistic.ts';

const MINUTE = 60_000;
const AT = Date.parse('2026-03-01T12:00:00Z');
const RESENT: MetricId = { namespace: 'shop/mail', name: 'Resent', dimensions: { stage: 'dev' } };

/** A store with values of the metric by minute after noon. */
function storeWith(minutes: Readonly<Record<number, readonly number[]>>, id = RESENT): MetricStore {
  const store = new MetricStore();
  for (const [minute, values] of Object.entries(minutes)) {
    store.add({ ...id, at: AT + Number(minute) * MINUTE + 1234, values, unit: 'Count' });
  }
  return store;
}

const seriesOf = (store: MetricStore, statistic: Statistic, minutes = 1, id = RESENT) =>
  store.series(id, { statistic, periodMs: MINUTE, fromMs: AT, toMs: AT + minutes * MINUTE });

describe('a metric store', () => {
  it('computes each statistic of the values of a period', () => {
    const store = storeWith({ 0: [4, 1, 1, 10] });
    const statistics = [
      'Sum',
      'Average',
      'Minimum',
      'Maximum',
      'SampleCount',
      'p50',
      'p75',
      'p99.9',
    ] as const;
    expect(statistics.map((statistic) => seriesOf(store, statistic)[0])).toEqual([16, 4, 1, 10, 4, 1, 4, 10]);
  });

  it('has a place for each period, also for those without data', () => {
    const store = storeWith({ 1: [2], 3: [5, 6] });
    expect(seriesOf(store, 'Sum', 5)).toEqual([undefined, 2, undefined, 11, undefined]);
    expect(seriesOf(store, 'SampleCount', 2)).toEqual([undefined, 1]);
    expect(seriesOf(store, 'Sum', 0)).toEqual([]);
  });

  it('aligns periods to their multiples, and includes the one in which the span begins', () => {
    const store = storeWith({ 4: [1], 5: [10], 9: [100], 10: [1000] });
    const span = { fromMs: AT + 6 * MINUTE, toMs: AT + 11 * MINUTE, periodMs: 5 * MINUTE };
    expect(store.series(RESENT, { ...span, statistic: 'Sum' })).toEqual([110, 1000]);
  });

  it('merges the same with more minutes than data or fewer', () => {
    const few = storeWith({ 0: [1], 59: [2] });
    const many = storeWith(Object.fromEntries(Array.from({ length: 240 }, (_, minute) => [minute, [1]])));
    const hour = { statistic: 'Sum', periodMs: 60 * MINUTE, fromMs: AT, toMs: AT + 60 * MINUTE } as const;
    expect(few.series(RESENT, hour)).toEqual([3]);
    expect(many.series(RESENT, hour)).toEqual([60]);
  });

  it('distinguishes metrics by all of their dimensions, in any order', () => {
    const both = { ...RESENT, dimensions: { stage: 'dev', class: 'tls' } };
    const store = storeWith({ 0: [7] }, both);
    expect(seriesOf(store, 'Sum', 1, { ...both, dimensions: { class: 'tls', stage: 'dev' } })).toEqual([7]);
    expect(seriesOf(store, 'Sum')).toEqual([undefined]);
    expect(store.ids()).toEqual([both]);
    expect(store.unitOf(both)).toBe('Count');
  });

  it('includes values added since the last query', () => {
    const store = storeWith({ 0: [1] });
    expect(seriesOf(store, 'Sum')).toEqual([1]);
    store.add({ ...RESENT, at: AT, values: [2], unit: 'Count' });
    expect(seriesOf(store, 'Sum')).toEqual([3]);
  });

  it('counts values as often as their counts', () => {
    const store = new MetricStore();
    store.add({ ...RESENT, at: AT, values: [2, 5], counts: [3, 1], unit: 'Count' });
    expect(seriesOf(store, 'Sum')).toEqual([11]);
    expect(seriesOf(store, 'SampleCount')).toEqual([4]);
  });

  it('rejects periods that it has no data for, and unknown statistics', () => {
    const span = { statistic: 'Sum', fromMs: AT, toMs: AT + MINUTE } as const;
    for (const periodMs of [0, -MINUTE, 10_000, 90_000, Number.NaN]) {
      expect(() => new MetricStore().valueIn(RESENT, { ...span, periodMs })).toThrow(RangeError);
    }
    expect(readStatistic('p99.90')).toBe('p99.9');
    for (const text of ['tm99', 'p101', 'p', 'sum', 'IQM'])
      expect(() => readStatistic(text)).toThrow(`the statistic ${text}`);
  });
});

describe('a recording', () => {
  const values = fc.array(
    fc.integer({ min: -1000, max: 1_000_000 }).map((value) => value / 8),
    {
      minLength: 1,
      maxLength: 5,
    },
  );
  const minutes = fc.dictionary(fc.integer({ min: 0, max: 20 }).map(String), values, {
    noNullPrototype: true,
  });

  it('is restored to a store with the same series', () => {
    fc.assert(
      fc.property(minutes, (byMinute) => {
        const store = storeWith(byMinute);
        const back = MetricStore.of(JSON.parse(JSON.stringify(store.toRecording())));
        for (const statistic of ['Sum', 'SampleCount', 'p50', 'Maximum'] as const) {
          const expected = seriesOf(store, statistic, 21);
          const got = seriesOf(back, statistic, 21);
          expect(got.map((value) => value !== undefined)).toEqual(
            expected.map((value) => value !== undefined),
          );
          got.forEach((value, index) => {
            expect(value ?? 0).toBeCloseTo(expected[index] ?? 0, 6);
          });
        }
        expect(back.span()).toEqual(store.span());
        expect(back.ids()).toEqual(store.ids());
      }),
    );
  });

  it('of a day with 2,000 mails and two dozen gauges is small', () => {
    const store = new MetricStore();
    const add = (name: string, minute: number, value: number, unit: string) =>
      store.add({
        namespace: 'shop/mail',
        name,
        dimensions: { stage: 'dev' },
        at: AT + minute * MINUTE,
        values: [value],
        unit,
      });
    for (let mail = 0; mail < 2000; mail += 1) {
      const minute = (mail * 7919) % 1440;
      for (const name of ['HandedOver', 'Resent', 'Delivered']) add(name, minute, 1, 'Count');
      add('TimeToAcceptance', minute, 500 + ((mail * 104_729) % 9000) + 1 / 3, 'Milliseconds');
      add('TimeToDelivery', minute, 900 + ((mail * 15_485_863) % 90_000) + 1 / 7, 'Milliseconds');
      add('ResentBytes', minute, 2000 + ((mail * 32_452_843) % 500_000), 'Bytes');
    }
    for (let minute = 0; minute < 1440; minute += 1) {
      for (let gauge = 0; gauge < 24; gauge += 1)
        add(`Gauge${gauge}`, minute, minute % 240 < 6 ? gauge : 0, 'Count');
    }
    const bytes = JSON.stringify(store.toRecording()).length;
    expect(bytes).toBeLessThan(150_000);
  });

  it('separates equal values before and after a gap', () => {
    const store = storeWith({ 0: [5], 1: [5], 4: [5] });
    expect(seriesOf(MetricStore.of(store.toRecording()), 'Sum', 5)).toEqual([5, 5, undefined, undefined, 5]);
  });

  it('loses no value by rounding', () => {
    const store = storeWith({ 0: [1.00001, 1.00002, 2] });
    const back = MetricStore.of(store.toRecording());
    expect(seriesOf(back, 'SampleCount')).toEqual([3]);
    expect(seriesOf(back, 'Sum')).toEqual([4]);
  });

  it('of an empty store is an empty store', () => {
    const store = MetricStore.of(new MetricStore().toRecording());
    expect(store.ids()).toEqual([]);
    expect(store.span()).toEqual({ fromMs: 0, toMs: 0 });
  });
});

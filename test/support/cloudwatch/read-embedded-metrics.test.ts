import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readEmbeddedMetrics } from './read-embedded-metrics.ts';

const AT = Date.parse('2026-03-01T12:00:00Z');

const DIRECTIVE = {
  Namespace: 'shop/mail',
  Dimensions: [['stage'], ['stage', 'class']],
  Metrics: [{ Name: 'HandedOver', Unit: 'Count' }],
};

/** A line of a Lambda's log, with changes to its content. */
function line(members: object = {}, directives: unknown = [DIRECTIVE], timestamp: unknown = AT): string {
  const _aws = { Timestamp: timestamp, CloudWatchMetrics: directives };
  return JSON.stringify({ _aws, stage: 'dev', class: 'tls', HandedOver: 2, ...members });
}

describe('a line in the embedded metric format', () => {
  it('has an observation for each metric and set of dimensions', () => {
    const observation = { namespace: 'shop/mail', name: 'HandedOver', unit: 'Count', at: AT, values: [2] };
    expect(readEmbeddedMetrics(line())).toEqual([
      { ...observation, dimensions: { stage: 'dev' } },
      { ...observation, dimensions: { stage: 'dev', class: 'tls' } },
    ]);
  });

  it('may have several values, and has no unit by default', () => {
    const directive = { ...DIRECTIVE, Dimensions: [[]], Metrics: [{ Name: 'Taken' }] };
    expect(readEmbeddedMetrics(line({ Taken: [1.5, 2] }, [directive]))).toEqual([
      { namespace: 'shop/mail', name: 'Taken', unit: 'None', at: AT, values: [1.5, 2], dimensions: {} },
    ]);
  });

  it('loses only its invalid parts', () => {
    const names = (read: string) =>
      readEmbeddedMetrics(read).map(({ name, dimensions }) => [name, dimensions]);
    const short = [['HandedOver', { stage: 'dev' }]];
    expect(names(line({ class: 5 }))).toEqual(short);
    expect(names(line({ class: undefined }))).toEqual(short);
    expect(names(line({}, [{ Namespace: '' }, DIRECTIVE]))).toHaveLength(2);
    const metrics = [{ Name: 'Lost' }, { Name: 'HandedOver' }];
    expect(names(line({}, [{ ...DIRECTIVE, Dimensions: [['stage']], Metrics: metrics }]))).toEqual(short);
  });
});

describe('another line', () => {
  it.each([
    ['text', 'START RequestId: 1'],
    ['JSON of a log', JSON.stringify({ level: 'info', message: 'resent' })],
    ['the key in a nested object', JSON.stringify({ nested: { _aws: {} } })],
    ['half a line', line().slice(0, -1)],
    ['an array', '["_aws"]'],
    ['null', 'null'],
    ['no time', line({}, [DIRECTIVE], 'now')],
    ['a time out of range', line({}, [DIRECTIVE], 1e300)],
    ['no directives', line({}, { length: 1 })],
    ['a value that is not a number', line({ HandedOver: '2' })],
    ['no values', line({ HandedOver: [] })],
    ['too many values', line({ HandedOver: Array.from({ length: 101 }, () => 1) })],
    ['a value out of range', line().replace('"HandedOver":2', '"HandedOver":1e999')],
    ['inherited names', line({}, [{ ...DIRECTIVE, Dimensions: [['constructor']] }])],
  ])('has no observations: %s', (_what, read) => {
    expect(readEmbeddedMetrics(read)).toEqual([]);
  });

  it('never throws, for any content', () => {
    const anything = fc.oneof(fc.anything(), fc.constant(DIRECTIVE), fc.constant('constructor'));
    const hostile = fc.record({
      directives: fc.oneof(
        anything,
        fc.array(fc.record({ Namespace: anything, Dimensions: anything, Metrics: anything })),
      ),
      timestamp: anything,
      members: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'stage', '_aws')), anything),
    });
    fc.assert(
      fc.property(hostile, ({ directives, timestamp, members }) => {
        const read = textOf({ ...members, _aws: { Timestamp: timestamp, CloudWatchMetrics: directives } });
        expect(Array.isArray(readEmbeddedMetrics(read))).toBe(true);
      }),
    );
    expect(readEmbeddedMetrics(`{"_aws":${'['.repeat(200_000)}`)).toEqual([]);
  });

  /** As JSON, if it can be serialised. */
  function textOf(value: unknown): string {
    try {
      return JSON.stringify(value) ?? '';
    } catch {
      return '{"_aws":1}';
    }
  }
});

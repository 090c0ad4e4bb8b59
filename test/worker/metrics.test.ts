import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { register } from 'prom-client';
import { singleFlight } from '../../lib/common/async.ts';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';
import type { Outcome } from '../../lib/domain/outcome.ts';
import { type SeriesDefinition, WORKER_SERIES } from '../../lib/domain/worker-series.ts';
import type { OutboxStats } from '../../lib/ports/outbox.ts';
import { type CompletedEvent, silentObserver } from '../../lib/ports/outbox.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../../lib/worker/metrics.ts';

const readStats = async () => ({ queued: 3, oldestDueSeconds: 1.5 });
const NEVER = new Promise<never>(() => {});

/** The samples of a scrape, by name and labels as in the text. */
async function scrape(metrics: WorkerMetrics): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

const event = (outcome: Outcome['kind'], more: Partial<CompletedEvent> = {}): CompletedEvent => ({
  outcome,
  waitedMs: 12,
  handledMs: 80,
  ...more,
});

describe('the metrics of a worker', () => {
  it.each<[string, CompletedEvent, readonly string[]]>([
    ['an accepted mail', event('taken'), ['outbound_taken_total']],
    [
      'a mail handed over',
      event('handed-over', { failureClass: 'circuit-open' }),
      ['outbound_handed_over_total{class="circuit-open"}'],
    ],
    [
      'a mail that SMTP accepted for some recipients',
      event('split', { failureClass: 'rejected' }),
      ['outbound_taken_total', 'outbound_handed_over_total{class="rejected"}'],
    ],
    ['a mail held', event('held', { failureClass: 'unknown' }), ['outbound_held_total']],
    [
      'a mail that neither SMTP nor the queue accepted',
      event('not-accepted', { failureClass: 'tls' }),
      ['outbound_not_accepted_total{class="tls"}'],
    ],
    [
      'a refused mail',
      event('refused', { reason: 'no-recipient' }),
      ['outbound_refused_total{reason="no-recipient"}'],
    ],
    ['a mail without a class', event('handed-over'), ['outbound_handed_over_total{class="other"}']],
    [
      'a mail refused for a new reason',
      event('refused', { reason: 'a new one' }),
      ['outbound_refused_total{reason="other"}'],
    ],
  ])('count %s, once, and nothing else', async (_, settled, expected) => {
    const metrics = createWorkerMetrics(readStats);
    metrics.observer.completed(settled);

    const samples = await scrape(metrics);
    const moved = [...samples].filter(([name, value]) => /^outbound_\w+_total/.test(name) && value > 0);
    expect(moved).toEqual(expected.map((name) => [name, 1]));
  });

  it('have each known series at 0 before its first event', async () => {
    const samples = await scrape(createWorkerMetrics(readStats));

    for (const failureClass of FAILURE_CLASSES) {
      expect(samples.get(`outbound_handed_over_total{class="${failureClass}"}`)).toBe(0);
      expect(samples.get(`outbound_not_accepted_total{class="${failureClass}"}`)).toBe(0);
    }
    expect(samples.get('outbound_refused_total{reason="expired"}')).toBe(0);
    expect(samples.get('outbound_taken_total')).toBe(0);
    expect(samples.get('outbound_breaker_open')).toBe(0);
  });

  it('count claims, late completions and errors of the outbox', async () => {
    const metrics = createWorkerMetrics(readStats);
    metrics.observer.claimed(20);
    metrics.observer.claimed(0);
    metrics.observer.lateCompletion();
    metrics.observer.outboxError('57P01');
    metrics.observer.outboxError('ECONNREFUSED');
    metrics.observer.outboxError('password authentication failed for user "api"');

    const samples = await scrape(metrics);
    expect(samples.get('outbound_claimed_total')).toBe(20);
    expect(samples.get('outbound_late_settlements_total')).toBe(1);
    expect(samples.get('outbound_outbox_errors_total{code="57P01"}')).toBe(1);
    expect(samples.get('outbound_outbox_errors_total{code="ECONNREFUSED"}')).toBe(1);
    expect(samples.get('outbound_outbox_errors_total{code="other"}')).toBe(1);
  });

  it('count receipts by kind and result, in series that exist from the start', async () => {
    const metrics = createWorkerMetrics(readStats);
    expect((await scrape(metrics)).get('outbound_receipts_total{kind="bounced",result="gone"}')).toBe(0);
    metrics.receipts.received('bounced', 'gone');
    metrics.receipts.unreadable();
    metrics.receipts.queueError('delete');
    metrics.receipts.storeError('57P01');

    const samples = await scrape(metrics);
    const moved = [...samples].filter(([name, value]) => /^outbound_\w+_total/.test(name) && value > 0);
    expect(moved.map(([name]) => name).sort()).toEqual([
      'outbound_outbox_errors_total{code="57P01"}',
      'outbound_receipts_queue_errors_total{action="delete"}',
      'outbound_receipts_total{kind="bounced",result="gone"}',
      'outbound_receipts_unreadable_total',
    ]);
  });

  it('show the current state of the breaker', async () => {
    const metrics = createWorkerMetrics(readStats);

    metrics.observer.breaker('open');
    expect((await scrape(metrics)).get('outbound_breaker_open')).toBe(1);
    metrics.observer.breaker('closed');
    expect((await scrape(metrics)).get('outbound_breaker_open')).toBe(0);
  });

  it('measure waiting and handling in seconds', async () => {
    const metrics = createWorkerMetrics(readStats);
    metrics.observer.completed(event('taken', { waitedMs: 40, handledMs: 3_000 }));

    const samples = await scrape(metrics);
    expect(samples.get('outbound_wait_seconds_sum')).toBe(0.04);
    expect(samples.get('outbound_wait_seconds_bucket{le="0.02"}')).toBe(0);
    expect(samples.get('outbound_wait_seconds_bucket{le="0.05"}')).toBe(1);
    expect(samples.get('outbound_handle_seconds_sum{outcome="taken"}')).toBe(3);
    expect(samples.get('outbound_handle_seconds_bucket{le="2.5",outcome="taken"}')).toBe(0);
    expect(samples.get('outbound_handle_seconds_bucket{le="5",outcome="taken"}')).toBe(1);
  });

  it('accept times from clocks that differ', async () => {
    const metrics = createWorkerMetrics(readStats);
    metrics.observer.completed(event('taken', { waitedMs: -30, handledMs: Number.NaN }));

    const samples = await scrape(metrics);
    expect(samples.get('outbound_wait_seconds_sum')).toBe(0);
    expect(samples.get('outbound_wait_seconds_count')).toBe(1);
    expect(samples.get('outbound_taken_total')).toBe(1);
  });

  it('are those of the catalogue, with its types, help texts and labels', async () => {
    const metrics = createWorkerMetrics(async () => ({
      queued: 3,
      oldestDueSeconds: 1.5,
      statusesOverdue: 2,
    }));
    const { body } = await metrics.render();
    const fieldsOf = (what: 'TYPE' | 'HELP') =>
      Object.fromEntries(
        [...body.matchAll(new RegExp(`^# ${what} (outbound_\\w+) (.+)$`, 'gm'))].map(([, name, words]) => [
          name,
          words,
        ]),
      );
    const catalogue = Object.entries<SeriesDefinition>(WORKER_SERIES);
    expect(fieldsOf('TYPE')).toEqual(Object.fromEntries(catalogue.map(([name, { type }]) => [name, type])));
    expect(fieldsOf('HELP')).toEqual(Object.fromEntries(catalogue.map(([name, { help }]) => [name, help])));

    for (const [name, { labels = [] }] of catalogue) {
      const sample = body.split('\n').find((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line)) ?? '';
      const found = [...sample.matchAll(/(\w+)="/g)]
        .map(([, label]) => label)
        .filter((label) => label !== 'le');
      expect([name, found]).toEqual([name, labels]);
    }
  });

  it('include those of the process, and use a registry of their own', async () => {
    const first = createWorkerMetrics(readStats);
    const second = createWorkerMetrics(readStats);
    first.observer.completed(event('taken'));

    const samples = await scrape(second);
    expect(samples.get('outbound_taken_total')).toBe(0);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('expose no free text, for any input', async () => {
    const anything = fc.string({ unit: 'binary', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, async (reason, code, failureClass) => {
        const metrics = createWorkerMetrics(readStats);
        const before = [...(await scrape(metrics)).keys()];
        // As a caller without types would: an unknown class.
        const settled = Object.assign(event('handed-over'), { reason, failureClass });
        metrics.observer.completed(settled);
        metrics.observer.completed(event('refused', { reason }));
        metrics.observer.outboxError(code);

        const known = (names: Iterable<string>) => [...names].filter((name) => name.startsWith('outbound_'));
        expect(known((await scrape(metrics)).keys())).toEqual(known(before));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a scrape', () => {
  it('reports the state of the queue', async () => {
    const samples = await scrape(createWorkerMetrics(readStats));

    expect(samples.get('outbound_outbox_up')).toBe(1);
    expect(samples.get('outbound_queue_depth')).toBe(3);
    expect(samples.get('outbound_queue_oldest_seconds')).toBe(1.5);
    expect(samples.has('outbound_statuses_overdue')).toBe(false);
  });

  it('reports overdue statuses if they are counted', async () => {
    const responses: OutboxStats[] = [
      { queued: 0, oldestDueSeconds: 0, statusesOverdue: 0 },
      { queued: 0, oldestDueSeconds: 0, statusesOverdue: 4 },
    ];
    const metrics = createWorkerMetrics(async () => responses.shift() ?? NEVER, { statsTimeoutMs: 5 });

    expect((await scrape(metrics)).get('outbound_statuses_overdue')).toBe(0);
    expect((await scrape(metrics)).get('outbound_statuses_overdue')).toBe(4);
    expect((await scrape(metrics)).has('outbound_statuses_overdue')).toBe(false);
  });

  it('is not blocked by an outbox that hangs, and shows no stale state', async () => {
    const responses = [readStats(), NEVER];
    const metrics = createWorkerMetrics(() => responses.shift() ?? NEVER, { statsTimeoutMs: 5 });
    await scrape(metrics);
    metrics.observer.completed(event('taken'));

    const samples = await scrape(metrics);
    expect(samples.get('outbound_outbox_up')).toBe(0);
    expect(samples.has('outbound_queue_depth')).toBe(false);
    expect(samples.has('outbound_queue_oldest_seconds')).toBe(false);
    expect(samples.get('outbound_taken_total')).toBe(1);
  });

  it('queries an outbox that hangs only once, and again when it has responded', async () => {
    const hanging = Promise.withResolvers<OutboxStats>();
    const responses = [hanging.promise, readStats()];
    const metrics = createWorkerMetrics(
      singleFlight(() => responses.shift() ?? NEVER),
      { statsTimeoutMs: 5 },
    );
    await Promise.all([metrics.render(), metrics.render()]);
    await metrics.render();
    expect(responses).toHaveLength(1);

    hanging.reject(new Error('the connection was lost'));
    await new Promise(setImmediate);
    expect((await scrape(metrics)).get('outbound_queue_depth')).toBe(3);
  });

  it('reports that the outbox is down if it throws, at once or later', async () => {
    for (const fails of [
      async () => Promise.reject(new Error('down')),
      () => {
        throw new Error('down');
      },
    ]) {
      const samples = await scrape(createWorkerMetrics(singleFlight(fails)));
      expect(samples.get('outbound_outbox_up')).toBe(0);
      expect(samples.has('outbound_queue_depth')).toBe(false);
    }
  });
});

describe('the silent observer', () => {
  it('accepts all events', () => {
    silentObserver.claimed(1);
    silentObserver.completed(event('taken'));
    silentObserver.breaker('open');
    silentObserver.lateCompletion();
    silentObserver.outboxError('57P01');
  });
});

import { describe, expect, it } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readPrometheus } from './collect-prometheus.ts';

describe('a text in the format of Prometheus', () => {
  it('is parsed as the client library wrote it', async () => {
    const registers = [new Registry()];
    const [registry] = registers;
    new Gauge({ name: 'depth', help: 'How many wait', registers }).set(7);
    const failed = new Counter({
      name: 'failed_total',
      help: 'Failures',
      labelNames: ['class', 'by'],
      registers,
    });
    failed.inc({ class: 'circuit-open', by: 'smtp' }, 3);
    new Histogram({ name: 'wait_seconds', help: 'Waits', buckets: [0.5], registers }).observe(0.25);

    const samples = readPrometheus((await registry?.metrics()) ?? '');

    expect(samples).toEqual([
      { name: 'depth', labels: {}, value: 7 },
      { name: 'failed_total', labels: { class: 'circuit-open', by: 'smtp' }, value: 3 },
      { name: 'wait_seconds_bucket', labels: { le: '0.5' }, value: 1 },
      { name: 'wait_seconds_bucket', labels: { le: '+Inf' }, value: 1 },
      { name: 'wait_seconds_sum', labels: {}, value: 0.25 },
      { name: 'wait_seconds_count', labels: {}, value: 1 },
    ]);
  });

  it('has no sample for a value that is not a number, a comment or another text', () => {
    expect(readPrometheus('# HELP depth 1\ndepth NaN\ndepth +Inf\n<html>\n')).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CompletedEvent, OutboxStats } from '../../lib/ports/outbox.ts';
import { silentLog } from '../../lib/ports/runtime.ts';
import { type MetricsPublication, publishMetrics } from '../../lib/worker/publish-metrics.ts';
import { readWorkerSettings } from '../../lib/worker/settings.ts';
import { MetricSink } from '../support/metric-sink.ts';

const ACCEPTED: CompletedEvent = { outcome: 'taken', waitedMs: 1, handledMs: 1 };
const HANDED_OVER: CompletedEvent = { ...ACCEPTED, outcome: 'handed-over', failureClass: 'unreachable' };

describe('the metrics that a worker publishes', () => {
  let sink: MetricSink;
  let publication: MetricsPublication;
  let reads: number;

  async function open(
    readStats: () => Promise<OutboxStats>,
    env: Readonly<Record<string, string>> = {
      OUTBOUND_CLOUDWATCH_NAMESPACE: 'keybuzz/mail-worker',
      OUTBOUND_CLOUDWATCH_STAGE: 'prod',
    },
  ): Promise<void> {
    const settings = readWorkerSettings(
      {
        DATABASE_URL: 'postgres://db/keybuzz',
        SMTP_HOST: 'mail-core',
        FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/keybuzz-mail-fallback',
        PAYLOAD_BUCKET: 'keybuzz-payloads',
        AWS_SES_ACCESS_KEY: 'key',
        AWS_SES_SECRET_KEY: 'secret',
        AWS_ENDPOINT_URL_CLOUDWATCH: `http://127.0.0.1:${sink.port}`,
        ...env,
      },
      { workerId: 'worker-1' },
    );
    const counted = () => {
      reads += 1;
      return readStats();
    };
    publication = await publishMetrics(settings, counted, silentLog);
  }

  beforeEach(async () => {
    sink = await MetricSink.start();
    reads = 0;
  });

  afterEach(async () => {
    await publication.stop(0);
    await sink.close();
  });

  const published = () =>
    sink.arrived
      .map(({ name, dimensions, value, times }) => `${name} ${dimensions} ${value} × ${times}`)
      .sort();

  it('include the state of the outbox from its start, even if it is empty', async () => {
    await open(async () => ({ queued: 0, oldestDueSeconds: 0 }));
    publication.start();
    await sink.calledTimes(1);

    expect(published()).toEqual(['OutboxOldestDue stage=prod 0 × 1', 'OutboxWaiting stage=prod 0 × 1']);
    expect(new Set(sink.arrived.map(({ namespace }) => namespace))).toEqual(new Set(['keybuzz/mail-worker']));
  });

  it('include the overdue statuses, if they are counted', async () => {
    await open(async () => ({ queued: 7, oldestDueSeconds: 1.5, statusesOverdue: 2 }));
    publication.start();
    await sink.calledTimes(1);

    expect(published()).toEqual([
      'OutboxOldestDue stage=prod 1.5 × 1',
      'OutboxWaiting stage=prod 7 × 1',
      'StatusesOverdue stage=prod 2 × 1',
    ]);
  });

  it('include the outcomes of the deliveries, up to its end', async () => {
    await open(async () => ({ queued: 0, oldestDueSeconds: 0 }));
    for (const event of [ACCEPTED, ACCEPTED, HANDED_OVER]) publication.settled(event);
    await publication.stop(20_000);

    // A new minute may begin in between.
    const sum = (name: string) =>
      sink.arrived
        .filter((one) => one.name === name)
        .reduce((all, { value, times }) => all + value * times, 0);
    expect([sum('SmtpTaken'), sum('SmtpFailed')]).toEqual([2, 1]);
    expect(published()).toContain('SmtpFailed stage=prod,class=unreachable 1 × 1');
  });

  it('omit the outbox if it fails', async () => {
    await open(async () => Promise.reject(new Error('down')));
    publication.settled(ACCEPTED);
    publication.start();
    await sink.calledTimes(1);

    expect(published()).toEqual(['SmtpTaken stage=prod 1 × 1']);
  });

  it('are not published if no namespace is configured', async () => {
    await open(async () => ({ queued: 1, oldestDueSeconds: 1 }), {});
    publication.start();
    publication.settled(ACCEPTED);
    await publication.stop(20_000);

    expect(sink.calls).toEqual([]);
    expect(reads).toBe(0);
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import { type MetricId, MetricStore } from '../../../lib/local/cloudwatch/metric-store.ts';
import type { Statistic } from '../../../lib/local/cloudwatch/statistic.ts';
import type { LocalPipeline } from '../../../lib/local/local-pipeline.ts';
import { buyer, goneBuyer, USUAL_REFUSALS } from '../../../lib/local/scenario/recipients.ts';
import { playScenario } from '../../../lib/local/scenario/run-scenario.ts';
import type { Scenario } from '../../../lib/local/scenario/scenario.ts';
import type { ScenarioRecording } from '../../../lib/local/scenario/scenario-recording.ts';
import { METRICS } from '../../../lib/message/metrics.ts';

/** The outage begins after some mails and ends before the last of them; the rest of the time is for what follows. */
const TINY: Scenario = {
  name: 'tiny',
  speed: 600,
  from: '2026-01-14T09:00:00.000Z',
  hours: 3.5,
  loads: [
    {
      toHours: 0.5,
      mailsPerHour: () => 50,
      recipient: (index) => (index % 5 === 4 ? goneBuyer : buyer)(index),
    },
  ],
  steps: [
    { atHours: 0.15, title: 'down', act: ({ pipeline: { smtp } }) => smtp.behave({ kind: 'refused' }) },
    { atHours: 0.4, title: 'back', act: ({ pipeline: { smtp } }) => smtp.behave(USUAL_REFUSALS) },
  ],
};

const MAILS = { namespace: 'keybuzz/mail', dimensions: { stage: 'dev' } };
const WORKER = { namespace: 'keybuzz/mail-worker', dimensions: { stage: 'dev' } };
const SES = { namespace: 'AWS/SES', dimensions: {} };

/** What was seen where the mails came out. */
interface SeenByDoubles {
  readonly asked: number;
  readonly bySmtp: number;
  readonly bySes: number;
  readonly delivered: number;
  readonly bounced: number;
}

describe('a scenario that is played', () => {
  let recording: ScenarioRecording;
  let store: MetricStore;
  let seen: SeenByDoubles;

  beforeAll(async () => {
    recording = await playScenario(TINY, {
      look: async (pipeline) => {
        seen = await seenBy(pipeline);
      },
    });
    // As it is kept in a file.
    store = MetricStore.of(JSON.parse(JSON.stringify(recording)));
  }, 120_000);

  function total(id: MetricId, statistic: Statistic = 'Sum'): number | undefined {
    const [fromMs, toMs] = [Date.parse(recording.from), Date.parse(recording.to)];
    const values = store.series(id, { statistic, periodMs: 60 * 60 * 1000, fromMs, toMs });
    const known = values.filter((value) => value !== undefined);
    return statistic === 'Sum' ? known.reduce((sum, value) => sum + value, 0) : Math.max(...known);
  }

  it('says what it is', () => {
    expect(recording).toMatchObject({
      scenario: 'tiny',
      speed: 600,
      from: '2026-01-14T09:00:00.000Z',
      to: '2026-01-14T12:30:00.000Z',
    });
  });

  it('counts each mail on the way that it took', () => {
    expect(seen.bySmtp).toBeGreaterThan(0);
    expect(seen.bySes).toBeGreaterThan(0);
    expect(total({ ...WORKER, name: 'SmtpTaken' })).toBe(seen.bySmtp);
    expect(total({ ...MAILS, name: 'HandedOver' })).toBe(seen.bySes);
    expect(total({ ...MAILS, name: 'Resent' })).toBe(seen.bySes);
    expect(seen.bySmtp + seen.bySes).toBe(seen.asked);
  });

  it('counts what became of those that SES took, by our own metrics and by those of AWS', () => {
    expect(seen.bounced).toBeGreaterThan(0);
    expect(total({ ...SES, name: 'Send' })).toBe(seen.bySes);
    expect(total({ ...SES, name: 'Delivery' })).toBe(seen.delivered);
    expect(total({ ...SES, name: 'Bounce' })).toBe(seen.bounced);
    expect(total({ ...MAILS, name: 'Delivered' })).toBe(seen.delivered);
    expect(total({ ...MAILS, name: 'Bounced', dimensions: { stage: 'dev', cause: 'hard' } })).toBe(
      seen.bounced,
    );
  });

  it('counts by class what it counts in all', () => {
    const classes = METRICS.HandedOver.by.values.map((value) =>
      total({ ...MAILS, name: 'HandedOver', dimensions: { stage: 'dev', class: value } }),
    );

    expect(classes.reduce((sum: number, value) => sum + (value ?? 0), 0)).toBe(seen.bySes);
  });

  it('sees the queue as SQS does', () => {
    const queue = { namespace: 'AWS/SQS', dimensions: { QueueName: 'keybuzz-mail-fallback-dev' } };

    expect(total({ ...queue, name: 'NumberOfMessagesSent' })).toBe(seen.bySes);
    expect(total({ ...queue, name: 'NumberOfMessagesDeleted' })).toBe(seen.bySes);
    expect(total({ ...queue, name: 'ApproximateAgeOfOldestMessage' }, 'Maximum')).toBeGreaterThan(0);
  });

  it.each(['resend', 'feedback', 'watch'])('sees the invocations of the function %s', (name) => {
    const lambda = { namespace: 'AWS/Lambda', dimensions: { FunctionName: `keybuzz-mail-${name}-dev` } };

    expect(total({ ...lambda, name: 'Invocations' })).toBeGreaterThan(0);
    expect(total({ ...lambda, name: 'Errors' })).toBe(0);
  });

  it('knows what only the account knows', () => {
    expect(total({ ...MAILS, name: 'QuotaLimit' }, 'Maximum')).toBe(2_000);
    expect(total({ ...MAILS, name: 'QuotaUsed' }, 'Maximum')).toBeCloseTo((100 * seen.bySes) / 2_000);
  });

  it('has a value of the worker for each minute', () => {
    const [fromMs, toMs] = [Date.parse(recording.from), Date.parse(recording.to)];
    const span = { statistic: 'SampleCount', periodMs: 60_000, fromMs, toMs } as const;

    const minutes = store.series({ ...WORKER, name: 'OutboxWaiting' }, span);

    expect(minutes).toHaveLength(210);
    expect(minutes.every((count) => count === 1)).toBe(true);
  });
});

async function seenBy({ pool, smtp, services: { ses } }: LocalPipeline): Promise<SeenByDoubles> {
  const { rows } = await pool.query<{ asked: string }>('SELECT count(*) AS asked FROM outbound_deliveries');
  const events = (type: string) => ses.events.filter(({ eventType }) => eventType === type).length;
  return {
    asked: Number(rows[0]?.asked),
    bySmtp: smtp.mails.length,
    bySes: ses.mails.length,
    delivered: events('Delivery'),
    bounced: events('Bounce'),
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../lib/common/time.ts';
import { METRICS } from '../../lib/domain/metrics.ts';
import type { LocalPipeline } from '../../lib/emulators/pipeline.ts';
import { type MetricId, MetricStore } from '../support/cloudwatch/metric-store.ts';
import type { Statistic } from '../support/cloudwatch/statistic.ts';
import { buyer, goneBuyer } from './recipients.ts';
import { playScenario } from './run-scenario.ts';
import type { Scenario, Stage } from './scenario.ts';
import type { ScenarioRecording } from './scenario-recording.ts';

/**
 * Some mails by SMTP, then some by SES. Ends when everything is reported, however long this machine takes.
 */
function tiny(see: (pipeline: LocalPipeline) => Promise<void>): Scenario {
  return {
    name: 'tiny',
    speed: 600,
    from: '2026-01-14T09:00:00.000Z',
    hours: 24,
    loads: [],
    steps: [
      { atHours: 0, title: 'all is well', act: (stage) => askAndFollow(stage, [0, 1, 2, 3].map(buyer)) },
      { atHours: 0, title: 'down', act: ({ pipeline: { smtp } }) => smtp.behave({ kind: 'refused' }) },
      {
        atHours: 0,
        title: 'some go by SES, and some of them bounce',
        act: (stage) => askAndFollow(stage, [...[4, 5, 6, 7].map(buyer), ...[8, 9].map(goneBuyer)]),
      },
      {
        atHours: 0,
        title: 'the end',
        act: async ({ pipeline, end }) => {
          await see(pipeline);
          end();
        },
      },
    ],
  };
}

const MAILS = { namespace: 'keybuzz/mail', dimensions: { stage: 'dev' } };
const WORKER = { namespace: 'keybuzz/mail-worker', dimensions: { stage: 'dev' } };
const SES = { namespace: 'AWS/SES', dimensions: {} };

/** What the SMTP and SES doubles received. */
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
    recording = await playScenario(
      tiny(async (pipeline) => {
        seen = await seenBy(pipeline);
      }),
    );
    // As it is saved in a file.
    store = MetricStore.of(JSON.parse(JSON.stringify(recording)));
  }, 120_000);

  function total(id: MetricId, statistic: Statistic = 'Sum'): number | undefined {
    const [fromMs, toMs] = [Date.parse(recording.from), Date.parse(recording.to)];
    const values = store.series(id, { statistic, periodMs: HOUR_MS, fromMs, toMs });
    const known = values.filter((value) => value !== undefined);
    return statistic === 'Sum' ? known.reduce((sum, value) => sum + value, 0) : Math.max(...known);
  }

  it('describes itself', () => {
    expect(recording).toMatchObject({
      scenario: 'tiny',
      speed: 600,
      from: '2026-01-14T09:00:00.000Z',
    });
    expect(recording.to > recording.from).toBe(true);
  });

  it('counts each mail on its route', () => {
    expect(seen.bySmtp).toBeGreaterThan(0);
    expect(seen.bySes).toBeGreaterThan(0);
    expect(total({ ...WORKER, name: 'SmtpTaken' })).toBe(seen.bySmtp);
    expect(total({ ...MAILS, name: 'HandedOver' })).toBe(seen.bySes);
    expect(total({ ...MAILS, name: 'Resent' })).toBe(seen.bySes);
    expect(seen.bySmtp + seen.bySes).toBe(seen.asked);
  });

  it('counts the outcomes of mails accepted by SES, in our own metrics and in those of AWS', () => {
    expect(seen.bounced).toBeGreaterThan(0);
    expect(total({ ...SES, name: 'Send' })).toBe(seen.bySes);
    expect(total({ ...SES, name: 'Delivery' })).toBe(seen.delivered);
    expect(total({ ...SES, name: 'Bounce' })).toBe(seen.bounced);
    expect(total({ ...MAILS, name: 'Delivered' })).toBe(seen.delivered);
    expect(total({ ...MAILS, name: 'Bounced', dimensions: { stage: 'dev', cause: 'hard' } })).toBe(
      seen.bounced,
    );
  });

  it('counts by class add up to the total', () => {
    const classes = METRICS.HandedOver.by.values.map((value) =>
      total({ ...MAILS, name: 'HandedOver', dimensions: { stage: 'dev', class: value } }),
    );

    expect(classes.reduce((sum: number, value) => sum + (value ?? 0), 0)).toBe(seen.bySes);
  });

  it('has the queue metrics of SQS', () => {
    const queue = { namespace: 'AWS/SQS', dimensions: { QueueName: 'keybuzz-mail-fallback-dev' } };

    expect(total({ ...queue, name: 'NumberOfMessagesSent' })).toBe(seen.bySes);
    expect(total({ ...queue, name: 'NumberOfMessagesDeleted' })).toBe(seen.bySes);
    expect(total({ ...queue, name: 'ApproximateAgeOfOldestMessage' }, 'Maximum')).toBeGreaterThan(0);
  });

  it.each(['resend', 'feedback', 'account-metrics'])('counts the invocations of the function %s', (name) => {
    const lambda = { namespace: 'AWS/Lambda', dimensions: { FunctionName: `keybuzz-mail-${name}-dev` } };

    expect(total({ ...lambda, name: 'Invocations' })).toBeGreaterThan(0);
    expect(total({ ...lambda, name: 'Errors' })).toBe(0);
  });

  it('has the metrics of the AWS account', () => {
    expect(total({ ...MAILS, name: 'QuotaLimit' }, 'Maximum')).toBe(2_000);
    expect(total({ ...MAILS, name: 'KeyAgeDays' }, 'Maximum')).toBe(41);
  });

  it('has values of the worker from the first minute to the last', () => {
    const [fromMs, toMs] = [Date.parse(recording.from), Date.parse(recording.to)];
    const span = { statistic: 'SampleCount', periodMs: 60_000, fromMs, toMs } as const;

    const minutes = store.series({ ...WORKER, name: 'OutboxWaiting' }, span);

    // A busy machine may stall for seconds of real time, which are many minutes in a row of the scenario. A collector that
    // leaves minutes out would leave many gaps.
    const gaps = minutes.filter((count, at) => count === undefined && minutes[at - 1] !== undefined);
    expect([minutes.at(0), minutes.at(-1)]).not.toContain(undefined);
    expect(gaps.length).toBeLessThanOrEqual(2);
    expect(minutes.filter((count) => count !== undefined).length).toBeGreaterThan(minutes.length / 3);
  });

  it('scales what is measured in seconds', () => {
    const acceptance = { ...MAILS, name: 'TimeToAcceptance' };

    // SES takes more than a millisecond, which is scaled to 600.
    expect(total(acceptance, 'Maximum')).toBeGreaterThan(600);
    expect((total(acceptance) ?? 0) % 600).toBe(0);
  });
});

/** Resolves when the row of each mail has its final status, and no work is left. */
async function askAndFollow({ pipeline, ask, signal }: Stage, recipients: readonly string[]): Promise<void> {
  for (const to of recipients) await ask({ to });
  const { aws, feedback, receipts, ses } = pipeline.services;
  const isEnded = async () => {
    const { rows } = await pipeline.pool.query(OPEN_ROWS);
    const urls = [aws.fallback.url, feedback.url, receipts.url];
    const queues = await Promise.all(urls.map((url) => isEmpty(aws.sqs, url)));
    return rows[0].open === '0' && queues.every(Boolean);
  };
  do {
    await ses.eventsSettled();
    await delay(50, undefined, { signal });
  } while (!(await isEnded()));
}

const OPEN_ROWS = `SELECT count(*) AS open FROM outbound_deliveries WHERE status NOT IN ('delivered', 'failed')`;

async function isEmpty(sqs: SQSClient, url: string): Promise<boolean> {
  const attributes = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...attributes] }),
  );
  return attributes.every((name) => Attributes[name] === '0');
}

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

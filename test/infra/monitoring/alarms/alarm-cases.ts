import { MINUTE_MS } from '../../../../lib/common/time.ts';
import { type MetricSpec, PipelineMetrics } from '../../../../lib/infra/monitoring/metrics.ts';
import { MetricStore } from '../../../support/cloudwatch/metric-store.ts';
import { settingsWith } from '../../synthesise.ts';

/** A made-up story, and the states that an alarm should go through in it. */
export interface AlarmCase {
  readonly alarm: string;
  readonly what: string;
  readonly states: readonly ('OK' | 'ALARM' | 'INSUFFICIENT_DATA')[];
  readonly told: (tell: Tell) => void;
}

/** Puts one value each so many minutes, from one minute to another. */
type Tell = (metric: MetricSpec, values: Values) => void;

interface Values {
  readonly value: number;
  readonly from: number;
  readonly to: number;
  /** @default 1 */
  readonly every?: number;
}

const DAY = 20 * 60;

/** Each story is a day of 20 hours, and the alarm is made when its eleventh begins. */
export const SPAN = { fromMs: 10 * 60 * MINUTE_MS, toMs: DAY * MINUTE_MS };

const NOON = 12 * 60;

export function storeOf({ told }: AlarmCase): MetricStore {
  const store = new MetricStore();
  told(({ namespace, name, dimensions }, { value, from, to, every = 1 }) => {
    for (let minute = from; minute < to; minute += every) {
      const at = minute * MINUTE_MS;
      store.add({ namespace, name, dimensions, at, values: [value], unit: 'None' });
    }
  });
  return store;
}

const m = new PipelineMetrics(settingsWith());

const quiet = ['OK'] as const;
const ringsOnce = ['OK', 'ALARM', 'OK'] as const;
const ringsOn = ['OK', 'ALARM'] as const;

const down = m.own('SmtpDown', 'Sum');
const tried = m.own('MailRetryAge', 'Maximum');
const eventTried = m.own('EventRetryAge', 'Maximum');
const used = m.own('QuotaUsed', 'Maximum');
const keyAge = m.own('KeyAgeDays', 'Maximum');
const waiting = m.own('OutboxWaiting', 'Maximum');
const due = m.own('OutboxOldestDue', 'Maximum');
const lettersOfMail = m.deadLetters('fallback');

const allDay = { from: 0, to: DAY };
const once = { from: NOON, to: NOON + 1 };

export const CASES: readonly AlarmCase[] = [
  {
    alarm: 'fallback-in-use',
    what: 'one connection broke',
    states: quiet,
    told: (tell) => tell(down, { value: 3, ...once }),
  },
  {
    alarm: 'fallback-in-use',
    what: 'an outage at night, with a mail each 25 minutes',
    states: ringsOnce,
    told: (tell) => tell(down, { value: 1, from: NOON, to: NOON + 180, every: 25 }),
  },
  {
    alarm: 'fallback-in-use',
    what: 'an outage by day',
    states: ringsOnce,
    told: (tell) => tell(down, { value: 4, from: NOON, to: NOON + 180 }),
  },
  {
    alarm: 'fallback-in-use',
    what: 'connections that break once in two hours',
    states: quiet,
    told: (tell) => tell(down, { value: 1, ...allDay, every: 120 }),
  },
  {
    alarm: 'mail-waiting',
    what: 'a lost answer waits for its event',
    states: quiet,
    told: (tell) => tell(m.oldestAge('fallback'), { value: 20 * 60, from: NOON, to: NOON + 10 }),
  },
  {
    alarm: 'mail-waiting',
    what: 'nobody works the queue',
    states: ringsOnce,
    told: (tell) => tell(m.oldestAge('fallback'), { value: 40 * 60, from: NOON, to: NOON + 30 }),
  },
  {
    alarm: 'mail-waiting',
    what: 'tries 45 minutes apart, which the age of SQS leaves out',
    states: ringsOnce,
    told: (tell) => tell(tried, { value: 2 * 3600, from: NOON, to: NOON + 400, every: 45 }),
  },
  {
    alarm: 'mail-waiting',
    what: 'urgent mail is stuck',
    states: ringsOnce,
    told: (tell) => tell(m.oldestAge('urgent'), { value: 40 * 60, from: NOON, to: NOON + 30 }),
  },
  {
    alarm: 'urgent-waiting',
    what: 'SES was away for two minutes',
    states: quiet,
    told: (tell) => tell(m.oldestAge('urgent'), { value: 130, ...once }),
  },
  {
    alarm: 'urgent-waiting',
    what: 'mail that waits for a minute all day',
    states: quiet,
    told: (tell) => tell(m.oldestAge('urgent'), { value: 60, ...allDay }),
  },
  {
    alarm: 'urgent-waiting',
    what: 'SES is away for an hour',
    states: ringsOnce,
    told: (tell) => tell(m.oldestAge('urgent'), { value: 10 * 60, from: NOON, to: NOON + 60 }),
  },
  {
    alarm: 'mail-held',
    what: 'an empty queue',
    states: quiet,
    told: (tell) => {
      tell(m.waiting('held'), { value: 0, ...allDay });
      tell(m.inFlight('held'), { value: 0, ...allDay });
    },
  },
  {
    alarm: 'mail-held',
    what: 'one mail for an hour, visible now and then',
    states: ringsOnce,
    told: (tell) => {
      tell(m.waiting('held'), { value: 1, from: NOON, to: NOON + 2 });
      tell(m.inFlight('held'), { value: 1, from: NOON + 2, to: NOON + 58 });
      tell(m.waiting('held'), { value: 1, from: NOON + 58, to: NOON + 60 });
    },
  },
  {
    alarm: 'dead-letters',
    what: 'one letter, which a person looks at and puts back',
    states: ringsOnce,
    told: (tell) => {
      tell(lettersOfMail, { value: 0, ...allDay });
      tell(lettersOfMail, { value: 1, from: NOON, to: NOON + 60 });
      tell(lettersOfMail, { value: 1, from: NOON + 69, to: NOON + 90 });
    },
  },
  {
    alarm: 'dead-letters',
    what: 'an empty queue',
    states: quiet,
    told: (tell) => tell(lettersOfMail, { value: 0, ...allDay }),
  },
  ...(['feedback', 'receipts'] as const).map(
    (queue): AlarmCase => ({
      alarm: 'dead-letters',
      what: `one of the ${queue}`,
      states: ringsOn,
      told: (tell) => tell(m.deadLetters(queue), { value: 1, from: NOON, to: DAY }),
    }),
  ),
  ...(['resend', 'feedback'] as const).flatMap((name): AlarmCase[] => [
    {
      alarm: 'functions-failing',
      what: `one crash of ${name}`,
      states: quiet,
      told: (tell) => tell(m.errors(name), { value: 1, ...once }),
    },
    {
      alarm: 'functions-failing',
      what: `a mail that crashes ${name} each time it comes back`,
      states: ringsOnce,
      told: (tell) => tell(m.errors(name), { value: 1, from: NOON, to: NOON + 120, every: 9 }),
    },
    {
      alarm: 'functions-failing',
      what: `${name} is throttled`,
      states: ringsOn,
      told: (tell) => tell(m.throttles(name), { value: 1, from: NOON, to: DAY }),
    },
  ]),
  {
    alarm: 'feedback-stuck',
    what: 'a batch that failed once',
    states: quiet,
    told: (tell) => tell(m.oldestAge('feedback'), { value: 7 * 60, from: NOON, to: NOON + 5 }),
  },
  {
    alarm: 'feedback-stuck',
    what: 'nobody works the queue',
    states: ringsOnce,
    told: (tell) => tell(m.oldestAge('feedback'), { value: 20 * 60, from: NOON, to: NOON + 60 }),
  },
  {
    alarm: 'feedback-stuck',
    what: 'tries 10 minutes apart, which the age of SQS leaves out',
    states: ringsOnce,
    told: (tell) => tell(eventTried, { value: 3600, from: NOON, to: NOON + 180, every: 10 }),
  },
  {
    alarm: 'receipts-unread',
    what: 'the worker was away for 25 minutes',
    states: quiet,
    told: (tell) => tell(m.oldestAge('receipts'), { value: 25 * 60, from: NOON, to: NOON + 20 }),
  },
  {
    alarm: 'receipts-unread',
    what: 'the worker is away',
    states: ringsOnce,
    told: (tell) => tell(m.oldestAge('receipts'), { value: 45 * 60, from: NOON, to: NOON + 60 }),
  },
  {
    alarm: 'receipts-unread',
    what: 'the worker is away, and SQS is silent for a while',
    states: ringsOnce,
    told: (tell) => {
      tell(m.oldestAge('receipts'), { value: 45 * 60, from: NOON, to: NOON + 30 });
      tell(m.oldestAge('receipts'), { value: 45 * 60, from: NOON + 38, to: NOON + 60 });
    },
  },
  {
    alarm: 'events-missing',
    what: 'events follow the mail',
    states: quiet,
    told: (tell) => {
      tell(m.own('Resent', 'Sum'), { value: 4, ...allDay });
      tell(m.sentTo('feedback'), { value: 8, ...allDay });
    },
  },
  {
    alarm: 'events-missing',
    what: 'no mail was resent, and events of old mail come',
    states: quiet,
    told: (tell) => tell(m.sentTo('feedback'), { value: 1, ...allDay, every: 50 }),
  },
  {
    alarm: 'events-missing',
    what: 'the event destination is gone for two hours',
    states: ringsOnce,
    told: (tell) => {
      tell(m.own('Resent', 'Sum'), { value: 1, ...allDay, every: 5 });
      tell(m.sentTo('feedback'), { value: 2, from: 0, to: NOON, every: 5 });
      tell(m.sentTo('feedback'), { value: 2, from: NOON + 120, to: DAY, every: 5 });
    },
  },
  {
    alarm: 'queue-near-limit',
    what: 'an outage of SES holds 60,000 mails in flight',
    states: quiet,
    told: (tell) => tell(m.inFlight('fallback'), { value: 60_000, from: NOON, to: NOON + 60 }),
  },
  {
    alarm: 'queue-near-limit',
    what: 'an outage of SES holds 100,000 mails in flight',
    states: ringsOnce,
    told: (tell) => tell(m.inFlight('fallback'), { value: 100_000, from: NOON, to: NOON + 60 }),
  },
  ...(['urgent', 'held'] as const).map(
    (queue): AlarmCase => ({
      alarm: 'queue-near-limit',
      what: `100,000 in flight of the queue ${queue}`,
      states: ringsOnce,
      told: (tell) => tell(m.inFlight(queue), { value: 100_000, from: NOON, to: NOON + 60 }),
    }),
  ),
  {
    alarm: 'receipts-left',
    what: 'receipts are read and deleted',
    states: quiet,
    told: (tell) => {
      tell(m.inFlight('receipts'), { value: 10, ...allDay });
      tell(m.deletedFrom('receipts'), { value: 10, ...allDay, every: 10 });
    },
  },
  {
    alarm: 'receipts-left',
    what: 'one receipt waits a quarter of an hour for its row',
    states: quiet,
    told: (tell) => tell(m.inFlight('receipts'), { value: 1, from: NOON, to: NOON + 15 }),
  },
  {
    alarm: 'receipts-left',
    what: 'the worker reads and cannot write',
    states: ringsOnce,
    told: (tell) => tell(m.inFlight('receipts'), { value: 10, from: NOON, to: NOON + 120 }),
  },
  {
    alarm: 'unusual-volume',
    what: 'an outage by day hands over 4,000 mails an hour',
    states: quiet,
    told: (tell) => tell(m.sentTo('fallback'), { value: 60, from: NOON, to: NOON + 180 }),
  },
  {
    alarm: 'unusual-volume',
    what: 'somebody with the key puts 12,000 messages an hour into the queue',
    states: ringsOnce,
    told: (tell) => tell(m.sentTo('fallback'), { value: 200, from: NOON, to: NOON + 180 }),
  },
  {
    alarm: 'unusual-volume',
    what: 'the same, half of it as urgent mail',
    states: ringsOnce,
    told: (tell) => {
      for (const queue of ['fallback', 'urgent'] as const)
        tell(m.sentTo(queue), { value: 60, from: NOON, to: NOON + 180 });
    },
  },
  {
    alarm: 'quota-near',
    what: 'much is used, and two looks in a row were lost',
    states: quiet,
    told: (tell) => {
      tell(used, { value: 79, from: 0, to: NOON, every: 5 });
      tell(used, { value: 79, from: NOON + 10, to: DAY, every: 5 });
    },
  },
  {
    alarm: 'quota-near',
    what: 'too much was used for an hour',
    states: ringsOnce,
    told: (tell) => {
      tell(used, { value: 60, ...allDay, every: 5 });
      tell(used, { value: 81, from: NOON, to: NOON + 60, every: 5 });
    },
  },
  ...([used, keyAge] as const).map(
    (metric): AlarmCase => ({
      alarm: metric === used ? 'quota-near' : 'key-old',
      what: 'the account-metrics function died',
      states: ['OK', 'INSUFFICIENT_DATA'],
      told: (tell) => tell(metric, { value: 10, from: 0, to: NOON, every: 5 }),
    }),
  ),
  {
    alarm: 'key-old',
    what: 'a key of 90 days',
    states: quiet,
    told: (tell) => tell(keyAge, { value: 90, ...allDay, every: 5 }),
  },
  {
    alarm: 'key-old',
    what: 'a key of 91 days, which is then replaced',
    states: ringsOnce,
    told: (tell) => {
      tell(keyAge, { value: 90, from: 0, to: NOON, every: 5 });
      tell(keyAge, { value: 91, from: NOON, to: NOON + 180, every: 5 });
      tell(keyAge, { value: 0, from: NOON + 180, to: DAY, every: 5 });
    },
  },
  ...rateCases('bounce-rate', m.bounceRate(), { well: 0.035, near: 0.041 }),
  ...rateCases('complaint-rate', m.complaintRate(), { well: 0.0007, near: 0.00085 }),
  {
    alarm: 'sending-paused',
    what: 'AWS paused the account for an hour',
    states: ringsOnce,
    told: (tell) => {
      tell(m.own('SendingPaused', 'Maximum'), { value: 0, ...allDay, every: 5 });
      tell(m.own('SendingPaused', 'Maximum'), { value: 1, from: NOON, to: NOON + 60, every: 5 });
    },
  },
  {
    alarm: 'ses-throttled',
    what: 'a few calls, once',
    states: quiet,
    told: (tell) => tell(m.own('Throttled', 'Sum'), { value: 5, from: NOON, to: NOON + 4 }),
  },
  {
    alarm: 'ses-throttled',
    what: 'another sender has shared the rate for an hour',
    states: ringsOnce,
    told: (tell) => tell(m.own('Throttled', 'Sum'), { value: 1, from: NOON, to: NOON + 60, every: 5 }),
  },
  {
    alarm: 'sent-twice',
    what: 'a mail went out twice',
    states: ringsOnce,
    told: (tell) => tell(m.own('SentTwice', 'Sum'), { value: 1, ...once }),
  },
  {
    alarm: 'sent-twice',
    what: 'another one two hours later is told anew',
    states: ['OK', 'ALARM', 'OK', 'ALARM', 'OK'],
    told: (tell) => tell(m.own('SentTwice', 'Sum'), { value: 1, from: NOON, to: NOON + 121, every: 120 }),
  },
  {
    alarm: 'table-throttled',
    what: 'one write was throttled',
    states: quiet,
    told: (tell) => tell(m.writeThrottles('ledger'), { value: 5, ...once }),
  },
  ...(['ledger', 'suppression'] as const).flatMap((table) =>
    [m.readThrottles(table), m.writeThrottles(table)].map(
      (metric): AlarmCase => ({
        alarm: 'table-throttled',
        what: `${metric.name} of the ${table}`,
        states: ringsOnce,
        told: (tell) => tell(metric, { value: 5, from: NOON, to: NOON + 30 }),
      }),
    ),
  ),
  {
    alarm: 'worker-silent',
    what: 'workers tell that nothing waits, and one was restarted',
    states: quiet,
    told: (tell) => {
      tell(waiting, { value: 0, from: 0, to: NOON });
      tell(waiting, { value: 0, from: NOON + 4, to: DAY });
    },
  },
  {
    alarm: 'worker-silent',
    what: 'the last worker died, and was started again after an hour',
    states: ringsOnce,
    told: (tell) => {
      tell(waiting, { value: 20, from: 0, to: NOON });
      tell(waiting, { value: 900, from: NOON + 60, to: DAY });
    },
  },
  {
    alarm: 'outbox-old',
    what: 'tries of a mail that neither way takes',
    states: quiet,
    told: (tell) => tell(due, { value: 6 * 60, from: NOON, to: NOON + 120 }),
  },
  {
    alarm: 'outbox-old',
    what: 'rows that nobody gets to',
    states: ringsOnce,
    told: (tell) => tell(due, { value: 20 * 60, from: NOON, to: NOON + 60 }),
  },
  {
    alarm: 'status-overdue',
    what: 'a status that never came',
    states: ringsOn,
    told: (tell) => {
      tell(m.own('StatusesOverdue', 'Maximum'), { value: 0, from: 0, to: NOON });
      tell(m.own('StatusesOverdue', 'Maximum'), { value: 1, from: NOON, to: DAY });
    },
  },
];

/** SES tells the shares now and then only. */
function rateCases(alarm: string, metric: MetricSpec, share: { well: number; near: number }): AlarmCase[] {
  const hours = (from: number, to: number, every: number) => ({ from, to, every: 60 * every });
  return [
    {
      alarm,
      what: 'a share below the line',
      states: quiet,
      told: (tell) => tell(metric, { value: share.well, ...hours(0, DAY, 1) }),
    },
    {
      alarm,
      what: 'a share above it, of which SES falls silent',
      states: ringsOn,
      told: (tell) => {
        tell(metric, { value: share.well, ...hours(0, NOON, 1) });
        tell(metric, { value: share.near, ...hours(NOON, NOON + 120, 1) });
      },
    },
    {
      alarm,
      what: 'a share that was above it',
      states: ringsOnce,
      told: (tell) => {
        tell(metric, { value: share.well, ...hours(0, NOON, 1) });
        tell(metric, { value: share.near, ...hours(NOON, NOON + 120, 1) });
        tell(metric, { value: share.well, ...hours(NOON + 120, DAY, 1) });
      },
    },
  ];
}

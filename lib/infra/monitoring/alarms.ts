import { ACCOUNT_METRICS_PERIOD_MINUTES } from '../../../lambda/account-metrics/constants.ts';
import { FEEDBACK_MAX_RETRY_SECONDS } from '../../../lambda/feedback/constants.ts';
import type { Settings } from '../settings.ts';
import { type MetricSettings, type MetricSpec, PipelineMetrics, sumOf } from './metrics.ts';
import {
  feedbackStuckSeconds,
  KEY_OLD_DAYS,
  mailWaitingSeconds,
  QUOTA_NEAR_PERCENT,
  RECEIPTS_UNREAD_SECONDS,
  REPUTATION,
} from './thresholds.ts';

type DefinitionSettings = MetricSettings &
  Pick<Settings, 'alarms' | 'workerMetrics' | 'eventWaitDefaultSeconds'>;

/** The alarms that the settings ask for. */
export function alarmDefinitions(settings: DefinitionSettings): readonly AlarmDefinition[] {
  if (settings.alarms === 'none') return [];
  const metrics = new PipelineMetrics(settings);
  return [
    ...essentialAlarms(metrics, settings),
    ...(settings.alarms === 'all' ? furtherAlarms(metrics) : []),
    ...(settings.workerMetrics ? workerAlarms(metrics) : []),
  ];
}

/** `critical`: mail is stuck, or about to be; look now. `warning`: look within the next working day. */
type Severity = 'critical' | 'warning';

/** All that is to be said of one alarm. */
export interface AlarmDefinition {
  /** Also the heading in the runbook. */
  readonly name: string;
  readonly severity: Severity;

  /** What has happened when it rings, in one sentence for somebody who was asleep. */
  readonly meaning: string;

  /** When it rings, in words; a subordinate clause, as in "Rings when …". */
  readonly when: string;

  /** Why then, and not earlier or later; a subordinate clause, as in "because …". */
  readonly because: string;

  /** What to type first: the arguments of mailctl. */
  readonly first: string;

  /** On which dashboard one sees it. */
  readonly dashboard: 'mail' | 'reputation' | 'machineRoom';

  /** What is looked at, each by the id that the expression knows it by. */
  readonly metrics: Readonly<Record<string, MetricSpec>>;

  /** Metric math over the ids. @default - the only metric */
  readonly expression?: string;

  readonly comparison: '>=' | '>' | '<';
  readonly threshold: number;
  readonly periodMinutes: number;

  /** How many periods are looked at, and how many of them must be beyond the threshold. */
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;

  readonly missingData: 'missing' | 'ignore' | 'breaching' | 'notBreaching';

  /** Whether it is told, too, that there is no data any more. @default false */
  readonly tellsOfMissingData?: boolean;
}

type AlarmSettings = Pick<Settings, 'eventWaitDefaultSeconds'>;

const MINUTE_SECONDS = 60;

/**
 * Where one try is more than one period away from the next, nobody tells of the mail in between: the window holds two
 * tries of the longest pause, so that the alarm does not close and ring again.
 */
const MAIL_WINDOW_PERIODS = 12;
const FEEDBACK_WINDOW_PERIODS = Math.ceil((2 * FEEDBACK_MAX_RETRY_SECONDS) / (5 * MINUTE_SECONDS));

/** The alarms of every deployment, in the order in which they matter. */
function essentialAlarms(m: PipelineMetrics, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [
    fallbackInUse(m),
    mailWaiting(m, settings),
    deadLetters(m),
    functionsFailing(m),
    feedbackStuck(m, settings),
    receiptsUnread(m),
    ...accountAlarms(m),
  ];
}

function fallbackInUse(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'fallback-in-use',
    severity: 'warning',
    meaning: 'SMTP is down. Mail still goes out, by SES; nobody else will notice.',
    when: 'mail was handed over, since the server is at fault, in 2 of the 5-minute periods of the last hour',
    because:
      'one connection that breaks is no outage; at night, mails are far apart, and one outage is to ring once: it is ' +
      'over when an hour brought no more than one',
    first: 'doctor --only fallback,smtp',
    dashboard: 'mail',
    metrics: { down: m.own('SmtpDown', 'Sum') },
    // Where nothing is handed over, nothing is counted, and CloudWatch would look further back for what it misses.
    expression: 'FILL(down, 0)',
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 12,
    datapointsToAlarm: 2,
    missingData: 'notBreaching',
  };
}

function mailWaiting(m: PipelineMetrics, settings: AlarmSettings): AlarmDefinition {
  const threshold = mailWaitingSeconds(settings);
  return {
    name: 'mail-waiting',
    severity: 'critical',
    meaning: 'Mail that was handed over is stuck in the queue: neither way takes it.',
    when: `one has waited for ${minutes(threshold)} minutes, as told within the last hour`,
    because:
      'SES that throttles, or whose answer was lost, is done with a mail sooner; tries are up to 45 minutes apart, ' +
      'and an hour without an old one is the end',
    first: 'doctor --only account,sending,queues,functions',
    dashboard: 'mail',
    // SQS leaves out of its age what was received more than three times: of that, the function itself tells.
    metrics: { age: m.oldestAge('fallback'), tried: m.own('MailRetryAge', 'Maximum') },
    expression: 'MAX([FILL(age, 0), FILL(tried, 0)])',
    comparison: '>=',
    threshold,
    periodMinutes: 5,
    evaluationPeriods: MAIL_WINDOW_PERIODS,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function deadLetters(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'dead-letters',
    severity: 'critical',
    meaning: 'Mail, events or receipts were parked: nothing happens to them until a person decides.',
    when: 'any lies in the dead letters of the three queues, as told within the last 15 minutes',
    because:
      'each is a mail somebody waits for, and is gone after 14 days; those that a person just looks at are hidden ' +
      'for a while, which is no end',
    first: 'dlq ls',
    dashboard: 'mail',
    metrics: {
      mail: m.deadLetters('fallback'),
      events: m.deadLetters('feedback'),
      receipts: m.deadLetters('receipts'),
    },
    expression: sumOf('mail', 'events', 'receipts'),
    comparison: '>',
    threshold: 0,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function functionsFailing(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'functions-failing',
    severity: 'critical',
    meaning: 'A Lambda that mail or its events pass through fails or is throttled, again and again.',
    when: 'an invocation failed in 3 of the last 6 periods of 5 minutes',
    because:
      'what failed once comes again by itself; with little mail, the next try is 9 minutes later, so that an error ' +
      'in each period would be too much to wait for',
    first: 'doctor --only functions,queues',
    dashboard: 'machineRoom',
    // Not of the account-metrics function: no mail passes through it, and quota-near and key-old tell of its silence.
    metrics: {
      e1: m.errors('resend'),
      e2: m.errors('feedback'),
      t1: m.throttles('resend'),
      t2: m.throttles('feedback'),
    },
    expression: sumOf('e1', 'e2', 't1', 't2'),
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    missingData: 'notBreaching',
  };
}

function feedbackStuck(m: PipelineMetrics, settings: AlarmSettings): AlarmDefinition {
  const threshold = feedbackStuckSeconds(settings);
  return {
    name: 'feedback-stuck',
    severity: 'critical',
    meaning:
      'Events of SES are not worked: lost answers stay in doubt, bounces go unseen, rows hear nothing.',
    when: `one has waited for ${minutes(threshold)} minutes, as told within the last ${5 * FEEDBACK_WINDOW_PERIODS} minutes`,
    because:
      'a mail whose answer was lost waits about that long for its event and is sent again without it; a batch that ' +
      'failed once comes again after 6 minutes',
    first: 'doctor --only queues,functions',
    dashboard: 'mail',
    metrics: { age: m.oldestAge('feedback'), tried: m.own('EventRetryAge', 'Maximum') },
    expression: 'MAX([FILL(age, 0), FILL(tried, 0)])',
    comparison: '>=',
    threshold,
    periodMinutes: 5,
    evaluationPeriods: FEEDBACK_WINDOW_PERIODS,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function receiptsUnread(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'receipts-unread',
    severity: 'warning',
    meaning: 'The worker does not read what became of its mail: rows stay at "handed over".',
    when: `a receipt has waited for ${minutes(RECEIPTS_UNREAD_SECONDS)} minutes, in 3 of the last 6 periods of 5 minutes`,
    because: 'a worker reads within seconds, and a deployment of it or of its database is over sooner',
    first: 'doctor --only queues,key,secrets',
    dashboard: 'mail',
    metrics: { age: m.oldestAge('receipts') },
    // An empty queue has no oldest message. Where SQS is late to tell, it looks the same: one hole is not the end.
    expression: 'FILL(age, 0)',
    comparison: '>=',
    threshold: RECEIPTS_UNREAD_SECONDS,
    periodMinutes: 5,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    missingData: 'notBreaching',
  };
}

function minutes(seconds: number): number {
  return Math.round(seconds / MINUTE_SECONDS);
}

/** Three values a period: that one of them is late or lost leaves no hole. */
const ACCOUNT_METRICS_WINDOW_MINUTES = 3 * ACCOUNT_METRICS_PERIOD_MINUTES;

/** Of every deployment, on what is about the account and not about single mails. */
function accountAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [quotaNear(m), bounceRate(m), complaintRate(m), keyOld(m)];
}

function quotaNear(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'quota-near',
    severity: 'warning',
    meaning: 'SES will soon take no more mail for the day. Without data: nobody looks at the quota any more.',
    when: `${QUOTA_NEAR_PERCENT} % of the quota of 24 hours are used, as told within the last half hour`,
    because: 'a raise of the quota takes AWS a day, and what is left is what an outage of SMTP would need',
    first: 'doctor --only account,sending,functions',
    dashboard: 'reputation',
    metrics: { used: m.own('QuotaUsed', 'Maximum') },
    comparison: '>=',
    threshold: QUOTA_NEAR_PERCENT,
    periodMinutes: ACCOUNT_METRICS_WINDOW_MINUTES,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    missingData: 'missing',
    tellsOfMissingData: true,
  };
}

function bounceRate(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'bounce-rate',
    severity: 'warning',
    meaning: 'So many addresses are wrong that AWS will soon review the account, and may stop it.',
    when: 'the share of hard bounces of the account was 4 % or more within the last 3 hours',
    because: 'AWS reviews at 5 % and pauses sending at 10 %, and looks at all mail of the account',
    first: 'suppression ls',
    dashboard: 'reputation',
    metrics: { rate: m.bounceRate() },
    comparison: '>=',
    threshold: REPUTATION.bounce.alarm,
    ...RATE,
  };
}

function complaintRate(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'complaint-rate',
    severity: 'warning',
    meaning: 'So many recipients call it spam that AWS will soon review the account, and may stop it.',
    when: 'the share of complaints of the account was 0.08 % or more within the last 3 hours',
    because: 'AWS reviews at 0.1 % and pauses sending at 0.5 %, and looks at all mail of the account',
    first: 'suppression ls',
    dashboard: 'reputation',
    metrics: { rate: m.complaintRate() },
    comparison: '>=',
    threshold: REPUTATION.complaint.alarm,
    ...RATE,
  };
}

/** SES tells the shares only now and then; what it told last holds until it tells something else. */
const RATE = {
  periodMinutes: 60,
  evaluationPeriods: 3,
  datapointsToAlarm: 1,
  missingData: 'ignore',
} as const;

function keyOld(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'key-old',
    severity: 'warning',
    meaning: "The API's access key should be replaced. Without data: no active key is left, or nobody looks.",
    when: `the oldest active key is more than ${KEY_OLD_DAYS} days old`,
    because: 'the key is outside of AWS, and the longer it lives, the more places it was copied to',
    first: 'doctor --only key,functions',
    dashboard: 'machineRoom',
    metrics: { days: m.own('KeyAgeDays', 'Maximum') },
    comparison: '>',
    threshold: KEY_OLD_DAYS,
    periodMinutes: ACCOUNT_METRICS_WINDOW_MINUTES,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    missingData: 'missing',
    tellsOfMissingData: true,
  };
}

/** What `alarms: all` adds: each is told by another alarm as well, only later or less clearly. */
function furtherAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [sendingPaused(m), sentTwice(m), tableThrottled(m)];
}

function sendingPaused(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'sending-paused',
    severity: 'critical',
    meaning: 'SES sends nothing for this account: with SMTP down, mail waits in the queue.',
    when: 'SES said so within the last 15 minutes',
    because: 'only a person, here or at AWS, turns it off, and only a person turns it on again',
    first: 'production-access',
    dashboard: 'reputation',
    metrics: { paused: m.own('SendingPaused', 'Maximum') },
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    // Of a account-metrics function that is silent, quota-near and key-old tell.
    missingData: 'ignore',
  };
}

function sentTwice(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'sent-twice',
    severity: 'warning',
    meaning: 'SES took the same mail more than once: recipients have a second copy.',
    when: 'an event told of one within the last hour',
    because: 'it should happen only where events come later than the wait for them, and that can be set',
    first: 'doctor --only queues,functions',
    dashboard: 'machineRoom',
    metrics: { twice: m.own('SentTwice', 'Sum') },
    // Of what is only missing, CloudWatch would look further back: another one would not be told anew for hours.
    expression: 'FILL(twice, 0)',
    comparison: '>=',
    threshold: 1,
    periodMinutes: 60,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function tableThrottled(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'table-throttled',
    severity: 'warning',
    meaning: 'DynamoDB has no capacity for the ledger or the suppression list: mail and events take longer.',
    when: 'a read or a write was throttled in 3 of the last 6 periods of 5 minutes',
    because:
      'a table that is paid by the request may throttle while it grows to a new peak, and then stops to',
    first: 'doctor --only queues,functions',
    dashboard: 'machineRoom',
    metrics: {
      r1: m.readThrottles('ledger'),
      r2: m.readThrottles('suppression'),
      w1: m.writeThrottles('ledger'),
      w2: m.writeThrottles('suppression'),
    },
    expression: sumOf('r1', 'r2', 'w1', 'w2'),
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    // Of DynamoDB, alarms ignore what is missing whatever is said here; zeros are what lets this one close.
    missingData: 'ignore',
  };
}

/** What `workerMetrics` adds: alarms on what the worker itself tells CloudWatch. */
function workerAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [workerSilent(m), outboxOld(m), statusesOverdue(m)];
}

function workerSilent(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'worker-silent',
    severity: 'critical',
    meaning:
      'No worker tells anything: it is down, or cannot reach its database or AWS. Mail stays in its rows.',
    when: 'nothing was told in 2 periods of 5 minutes in a row',
    because: 'a worker tells something each minute, even that nothing waits, and a restart takes less',
    first: 'doctor --only key,secrets',
    dashboard: 'mail',
    metrics: { told: m.own('OutboxWaiting', 'SampleCount') },
    // Of what is only missing, CloudWatch would look further back first, and ring later.
    expression: 'FILL(told, 0)',
    comparison: '<',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 2,
    datapointsToAlarm: 2,
    missingData: 'breaching',
  };
}

function outboxOld(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'outbox-old',
    severity: 'critical',
    meaning: 'Mail waits in its rows, and the workers do not get to it.',
    when: 'one was due for 15 minutes, in 2 of the last 3 periods of 5 minutes',
    because:
      'a mail that neither way took is due again after 5 minutes at most, and one that is due goes within seconds',
    first: 'doctor --only smtp,queues,key',
    dashboard: 'mail',
    metrics: { due: m.own('OutboxOldestDue', 'Maximum') },
    comparison: '>=',
    threshold: 15 * 60,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
    // Of workers that tell nothing, worker-silent tells.
    missingData: 'notBreaching',
  };
}

function statusesOverdue(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'status-overdue',
    severity: 'warning',
    meaning: 'Mail was handed over more than two days ago, and nobody knows what became of it.',
    when: 'there was one at any time of the last hour',
    because: 'SES gives up on a mail within hours, and its event and receipt follow within minutes',
    first: 'doctor --only queues,functions',
    dashboard: 'mail',
    metrics: { overdue: m.own('StatusesOverdue', 'Maximum') },
    comparison: '>=',
    threshold: 1,
    periodMinutes: 60,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

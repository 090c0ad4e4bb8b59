import { ACCOUNT_METRICS_PERIOD_MINUTES } from '../../../lambda/account-metrics/constants.ts';
import { FEEDBACK_MAX_RETRY_SECONDS } from '../../../lambda/feedback/constants.ts';
import type { Settings } from '../settings.ts';
import { type MetricSettings, type MetricSpec, PipelineMetrics, sumOf } from './metrics.ts';
import {
  feedbackStuckSeconds,
  IN_FLIGHT_NEAR,
  KEY_OLD_DAYS,
  MAX_IN_FLIGHT,
  mailWaitingSeconds,
  QUOTA_NEAR_PERCENT,
  RECEIPTS_UNREAD_SECONDS,
  REPUTATION,
  URGENT_WAITING_SECONDS,
} from './thresholds.ts';

type DefinitionSettings = MetricSettings &
  Pick<
    Settings,
    'alarms' | 'workerMetrics' | 'eventWaitDefaultSeconds' | 'accountMonitoring' | 'mailPerHourLimit'
  >;

/** The alarms that the settings ask for. */
export function alarmDefinitions(settings: DefinitionSettings): readonly AlarmDefinition[] {
  if (settings.alarms === 'none') return [];
  const metrics = new PipelineMetrics(settings);
  return [
    ...essentialAlarms(metrics, settings),
    ...(settings.alarms === 'all' ? furtherAlarms(metrics, settings) : []),
    ...(settings.workerMetrics ? workerAlarms(metrics) : []),
  ];
}

/** `critical`: mail is stuck, or about to be; act now. `warning`: act within the next working day. */
type Severity = 'critical' | 'warning';

/** One alarm with its texts. */
export interface AlarmDefinition {
  /** Also the heading in the runbook. */
  readonly name: string;
  readonly severity: Severity;

  /** What has happened, in one sentence for an SRE who was asleep. */
  readonly meaning: string;

  /** Its condition in words, as in "In alarm when …". */
  readonly when: string;

  /** Why this threshold and this window, as in "because …". */
  readonly because: string;

  /** The first command to run: the arguments of mailctl. */
  readonly first: string;

  /** The dashboard that shows it. */
  readonly dashboard: 'mail' | 'reputation' | 'machineRoom';

  /** Each by its id in the expression. */
  readonly metrics: Readonly<Record<string, MetricSpec>>;

  /** Metric math over the ids. @default - the only metric */
  readonly expression?: string;

  readonly comparison: '>=' | '>' | '<';
  readonly threshold: number;
  readonly periodMinutes: number;

  /** The last so many periods are evaluated, and so many of them must be beyond the threshold. */
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;

  readonly missingData: 'missing' | 'ignore' | 'breaching' | 'notBreaching';

  /** Whether it also notifies when its data stops. @default false */
  readonly notifiesWithoutData?: boolean;
}

type AlarmSettings = Pick<
  Settings,
  'stage' | 'accountMonitoring' | 'eventWaitDefaultSeconds' | 'mailPerHourLimit'
>;

const MINUTE_SECONDS = 60;

/**
 * A mail is only measured when it is tried, which may be more than one period apart. The window covers two tries at the
 * longest pause, so that the alarm does not go to OK and back in between.
 */
const MAIL_WINDOW_PERIODS = 12;
const FEEDBACK_WINDOW_PERIODS = Math.ceil((2 * FEEDBACK_MAX_RETRY_SECONDS) / (5 * MINUTE_SECONDS));

/** The alarms of every deployment, in the order in which they matter. */
function essentialAlarms(m: PipelineMetrics, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [
    fallbackInUse(m),
    mailWaiting(m, settings),
    urgentWaiting(m),
    mailHeld(m),
    deadLetters(m),
    functionsFailing(m),
    feedbackStuck(m, settings),
    receiptsUnread(m),
    eventsMissing(m),
    queueNearLimit(m),
    receiptsLeft(m),
    unusualVolume(m, settings),
    ...(watchesAccount(settings) ? accountAlarms(m) : []),
    keyOld(m),
  ];
}

function fallbackInUse(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'fallback-in-use',
    severity: 'warning',
    meaning: 'SMTP is down. Mail still goes out through SES, so users do not notice.',
    when: 'mail was handed over because the mail server failed, in 2 of the 5-minute periods of the last hour',
    because:
      'one broken connection is no outage; at night, mails are far apart, and one outage must raise one alarm, so it ' +
      'ends after an hour with at most one such period',
    first: 'doctor --only fallback,smtp',
    dashboard: 'mail',
    metrics: { down: m.own('SmtpDown', 'Sum') },
    // Without hand-overs there is no data, and CloudWatch would evaluate older periods in place of the missing ones.
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
    meaning: 'Mail that was handed over is stuck in the queue: neither SMTP nor SES accepts it.',
    when: `a mail had waited for ${minutes(threshold)} minutes at any time within the last hour`,
    because:
      'throttling by SES, or a lost response, delays a mail for less than that; tries are up to 45 minutes apart, ' +
      'so it ends after an hour without an old mail',
    first: 'doctor --only account,sending,queues,functions',
    dashboard: 'mail',
    // The age that SQS reports excludes messages received more than three times; the function reports those itself.
    metrics: {
      normal: m.oldestAge('fallback'),
      urgent: m.oldestAge('urgent'),
      tried: m.own('MailRetryAge', 'Maximum'),
    },
    expression: 'MAX([FILL(normal, 0), FILL(urgent, 0), FILL(tried, 0)])',
    comparison: '>=',
    threshold,
    periodMinutes: 5,
    evaluationPeriods: MAIL_WINDOW_PERIODS,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function urgentWaiting(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'urgent-waiting',
    severity: 'critical',
    meaning: 'Urgent mail waits: a person has asked for a code or a link and does not get it.',
    when: `an urgent mail had waited for ${minutes(URGENT_WAITING_SECONDS)} minutes, in 2 of the last 3 periods of 5 minutes`,
    because:
      'no backlog of normal mail delays it by more than 2 seconds; a moment without SES is over sooner, and a mail ' +
      'whose response was lost waits longer for its event',
    first: 'doctor --only sending,queues,functions',
    dashboard: 'mail',
    metrics: { age: m.oldestAge('urgent') },
    expression: 'FILL(age, 0)',
    comparison: '>=',
    threshold: URGENT_WAITING_SECONDS,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
    missingData: 'notBreaching',
  };
}

function mailHeld(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'mail-held',
    severity: 'critical',
    meaning:
      'The reputation fuse holds mail to addresses that were never delivered to, before AWS reviews the account.',
    when: 'the queue of held mail had a message within the last 15 minutes',
    because:
      'it is held until the rates fall or a person resets the fuse; a held mail is looked at now and then, and is in flight meanwhile',
    first: 'fuse',
    dashboard: 'mail',
    metrics: { waiting: m.waiting('held'), inFlight: m.inFlight('held') },
    expression: sumOf('waiting', 'inFlight'),
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function deadLetters(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'dead-letters',
    severity: 'critical',
    meaning: 'Mail, events or receipts are in a dead letter queue and stay there until a person decides.',
    when: 'any of the three dead letter queues had a message within the last 15 minutes',
    because:
      'a recipient waits for each mail, and SQS deletes it after 14 days; messages that a person just inspects are ' +
      'in flight for a while, which must not end the alarm',
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
    meaning: 'The resend or the feedback Lambda fails or is throttled repeatedly.',
    when: 'an invocation failed in 3 of the last 6 periods of 5 minutes',
    because:
      'SQS retries a failed batch; with little mail the next try is 9 minutes later, so an outage does not cause an ' +
      'error in every period',
    first: 'doctor --only functions,queues',
    dashboard: 'machineRoom',
    // Without the account-metrics function: no mail passes through it, and quota-near and key-old report missing data.
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
      'Events of SES are not processed: lost responses stay unknown, bounces are missed, rows get no status.',
    when: `an event had waited for ${minutes(threshold)} minutes at any time within the last ${5 * FEEDBACK_WINDOW_PERIODS} minutes`,
    because:
      'a mail whose SES response was lost waits about that long for its event and is then sent again; a batch that ' +
      'failed once is retried after 6 minutes',
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
    meaning: 'The worker does not read receipts: rows stay at "handed over".',
    when: `a receipt had waited for ${minutes(RECEIPTS_UNREAD_SECONDS)} minutes, in 3 of the last 6 periods of 5 minutes`,
    because: 'a worker reads receipts within seconds, and deploying it or its database takes less time',
    first: 'doctor --only queues,key,secrets',
    dashboard: 'mail',
    metrics: { age: m.oldestAge('receipts') },
    // An empty queue has no oldest message. A late value of SQS looks the same, so one gap must not end the alarm.
    expression: 'FILL(age, 0)',
    comparison: '>=',
    threshold: RECEIPTS_UNREAD_SECONDS,
    periodMinutes: 5,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    missingData: 'notBreaching',
  };
}

function eventsMissing(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'events-missing',
    severity: 'critical',
    meaning:
      'SES accepts mail, and none of its events arrives: rows stay at "handed over", and a lost response ends in a second send.',
    when: 'mail was resent and no event came to the feedback queue, in 2 of the last 3 periods of 15 minutes',
    because:
      'SES publishes the Send event within seconds; that of a mail at the end of a period falls into the next one, which ' +
      'must not alarm',
    first: 'doctor --only sending,queues',
    dashboard: 'mail',
    metrics: { resent: m.own('Resent', 'Sum'), events: m.sentTo('feedback') },
    // A feedback queue that never had a message has no metric: the second term keeps the sum from disappearing with it.
    expression: 'IF(FILL(resent, 0) > 0 AND SUM([FILL(events, 0), 0 * FILL(resent, 0)]) < 1, 1, 0)',
    comparison: '>=',
    threshold: 1,
    periodMinutes: 15,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
    missingData: 'notBreaching',
  };
}

function queueNearLimit(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'queue-near-limit',
    severity: 'critical',
    meaning: `A queue has more than ${IN_FLIGHT_NEAR} messages in flight; at ${MAX_IN_FLIGHT} SQS hands out no more.`,
    when: 'it had so many at any time within the last 15 minutes',
    because:
      'a message that waits for its retry is in flight; in an outage of SES only those that were received are, and the ' +
      'others wait unreceived',
    first: 'doctor --only queues,functions,sending',
    dashboard: 'mail',
    metrics: {
      mail: m.inFlight('fallback'),
      urgent: m.inFlight('urgent'),
      held: m.inFlight('held'),
      events: m.inFlight('feedback'),
      receipts: m.inFlight('receipts'),
    },
    expression: 'MAX([FILL(mail, 0), FILL(urgent, 0), FILL(held, 0), FILL(events, 0), FILL(receipts, 0)])',
    comparison: '>=',
    threshold: IN_FLIGHT_NEAR,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function receiptsLeft(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'receipts-left',
    severity: 'warning',
    meaning:
      'The worker reads receipts and leaves them in the queue: their rows are gone, or it cannot write them.',
    when: 'receipts were in flight and none was deleted, in 4 periods of 10 minutes in a row',
    because:
      'SQS leaves messages that were received four times out of the age, which receipts-unread watches',
    first: 'doctor --only queues,key,secrets',
    dashboard: 'mail',
    metrics: { inFlight: m.inFlight('receipts'), deleted: m.deletedFrom('receipts') },
    expression: 'IF(FILL(inFlight, 0) > 0 AND SUM([FILL(deleted, 0), 0 * FILL(inFlight, 0)]) < 1, 1, 0)',
    comparison: '>=',
    threshold: 1,
    periodMinutes: 10,
    evaluationPeriods: 4,
    datapointsToAlarm: 4,
    missingData: 'notBreaching',
  };
}

function unusualVolume(m: PipelineMetrics, { mailPerHourLimit }: AlarmSettings): AlarmDefinition {
  return {
    name: 'unusual-volume',
    severity: 'critical',
    meaning: 'Far more mail is handed over than usual: a loop in the API, or its key is in other hands.',
    when: `more than ${mailPerHourLimit} messages were put on the queues of normal and urgent mail within an hour`,
    because: 'SQS itself counts them, whatever they say of themselves; mailPerHourLimit is for you to set',
    first: 'doctor --only fallback,key',
    dashboard: 'mail',
    metrics: { normal: m.sentTo('fallback'), urgent: m.sentTo('urgent') },
    expression: sumOf('normal', 'urgent'),
    comparison: '>',
    threshold: mailPerHourLimit,
    periodMinutes: 60,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

function minutes(seconds: number): number {
  return Math.round(seconds / MINUTE_SECONDS);
}

/** Three values a period, so that one late or lost value leaves no gap. */
const ACCOUNT_METRICS_WINDOW_MINUTES = 3 * ACCOUNT_METRICS_PERIOD_MINUTES;

/** Of two stages in one account, one watches what belongs to both. */
export function watchesAccount({
  stage,
  accountMonitoring,
}: Pick<Settings, 'stage' | 'accountMonitoring'>): boolean {
  return stage === accountMonitoring;
}

/** On the account, not on single mails. */
function accountAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [quotaNear(m), bounceRate(m), complaintRate(m)];
}

function quotaNear(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'quota-near',
    severity: 'warning',
    meaning:
      'SES will soon refuse mail for the day. With insufficient data: the quota is no longer measured.',
    when: `${QUOTA_NEAR_PERCENT} % of the 24-hour quota were used at any time within the last half hour`,
    because: 'AWS takes a day to raise the quota, and an SMTP outage would need the rest of it',
    first: 'doctor --only account,sending,functions',
    dashboard: 'reputation',
    metrics: { used: m.own('QuotaUsed', 'Maximum') },
    comparison: '>=',
    threshold: QUOTA_NEAR_PERCENT,
    periodMinutes: ACCOUNT_METRICS_WINDOW_MINUTES,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    missingData: 'missing',
    notifiesWithoutData: true,
  };
}

function bounceRate(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'bounce-rate',
    severity: 'warning',
    meaning: 'So many addresses are wrong that AWS will soon review the account and may pause sending.',
    when: 'the hard-bounce rate of the account was 4 % or more within the last 3 hours',
    because: 'AWS reviews the account at 5 % and pauses sending at 10 %, counting all mail of the account',
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
    meaning: 'So many recipients report spam that AWS will soon review the account and may pause sending.',
    when: 'the complaint rate of the account was 0.08 % or more within the last 3 hours',
    because: 'AWS reviews the account at 0.1 % and pauses sending at 0.5 %, counting all mail of the account',
    first: 'suppression ls',
    dashboard: 'reputation',
    metrics: { rate: m.complaintRate() },
    comparison: '>=',
    threshold: REPUTATION.complaint.alarm,
    ...RATE,
  };
}

/** SES publishes the rates only now and then; the last value counts until the next one. */
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
    meaning:
      "The API's access key is old; replace it. With insufficient data: there is no active key, or its age is no longer measured.",
    when: `the oldest active key is more than ${KEY_OLD_DAYS} days old`,
    because: 'the key is stored outside AWS, and the older it is, the more copies of it exist',
    first: 'doctor --only key,functions',
    dashboard: 'machineRoom',
    metrics: { days: m.own('KeyAgeDays', 'Maximum') },
    comparison: '>',
    threshold: KEY_OLD_DAYS,
    periodMinutes: ACCOUNT_METRICS_WINDOW_MINUTES,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    missingData: 'missing',
    notifiesWithoutData: true,
  };
}

/** What `alarms: all` adds: another alarm covers each of these too, but later or less clearly. */
function furtherAlarms(m: PipelineMetrics, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [
    ...(watchesAccount(settings) ? [sendingPaused(m)] : []),
    sesThrottled(m),
    sentTwice(m),
    tableThrottled(m),
  ];
}

function sendingPaused(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'sending-paused',
    severity: 'critical',
    meaning: 'Sending is paused for this account: while SMTP is down, mail waits in the queue.',
    when: 'SES reported it within the last 15 minutes',
    because: 'only a person, in your team or at AWS, pauses sending, and only a person resumes it',
    first: 'production-access',
    dashboard: 'reputation',
    metrics: { paused: m.own('SendingPaused', 'Maximum') },
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    // quota-near and key-old report an account-metrics function that publishes nothing.
    missingData: 'ignore',
  };
}

function sesThrottled(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'ses-throttled',
    severity: 'warning',
    meaning:
      'SES refuses calls for the sending rate although the functions keep to it: another sender shares the account.',
    when: 'a call was refused in 3 of the last 6 periods of 5 minutes',
    because:
      'all functions take their turns in one line below the rate; after a call is refused they yield and try the full rate ' +
      'again within seconds',
    first: 'rate',
    dashboard: 'mail',
    metrics: { throttled: m.own('Throttled', 'Sum') },
    // Without throttled calls there is no data, and CloudWatch would evaluate older periods in place of the missing ones.
    expression: 'FILL(throttled, 0)',
    comparison: '>=',
    threshold: 1,
    periodMinutes: 5,
    evaluationPeriods: 6,
    datapointsToAlarm: 3,
    missingData: 'notBreaching',
  };
}

function sentTwice(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'sent-twice',
    severity: 'warning',
    meaning: 'SES accepted the same mail more than once: recipients got a second copy.',
    when: 'an event showed one within the last hour',
    because:
      'it should happen only if an event arrives after the wait for it has ended, and that wait is a setting',
    first: 'doctor --only queues,functions',
    dashboard: 'machineRoom',
    metrics: { twice: m.own('SentTwice', 'Sum') },
    // CloudWatch would evaluate older periods in place of missing ones, and not notify of another one for hours.
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
    meaning: 'DynamoDB throttles the ledger or the suppression list: mail and events take longer.',
    when: 'a read or a write was throttled in 3 of the last 6 periods of 5 minutes',
    because: 'an on-demand table may throttle for a moment while it scales to a new peak',
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
    // Alarms on DynamoDB metrics always ignore missing data; published zeros return this one to OK.
    missingData: 'ignore',
  };
}

/** What `workerMetrics` adds: alarms on the metrics that the worker itself publishes. */
function workerAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [workerSilent(m), outboxOld(m), statusesOverdue(m)];
}

function workerSilent(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'worker-silent',
    severity: 'critical',
    meaning:
      'No worker publishes metrics: it is down, or cannot reach its database or AWS. Mail stays in its rows.',
    when: 'no metric arrived in 2 periods of 5 minutes in a row',
    because: 'a worker publishes every minute, even if nothing is due, and a restart takes less time',
    first: 'doctor --only key,secrets',
    dashboard: 'mail',
    metrics: { published: m.own('OutboxWaiting', 'SampleCount') },
    // CloudWatch would evaluate older periods in place of missing ones first, and alarm later.
    expression: 'FILL(published, 0)',
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
    meaning: 'Mail waits in its rows, and the workers do not send it.',
    when: 'a row was due for 15 minutes, in 2 of the last 3 periods of 5 minutes',
    because:
      'a mail that neither SMTP nor the queue accepted is due again within 5 minutes, and a due one is sent within seconds',
    first: 'doctor --only smtp,queues,key',
    dashboard: 'mail',
    metrics: { due: m.own('OutboxOldestDue', 'Maximum') },
    comparison: '>=',
    threshold: 15 * 60,
    periodMinutes: 5,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
    // worker-silent reports workers that publish nothing.
    missingData: 'notBreaching',
  };
}

function statusesOverdue(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'status-overdue',
    severity: 'warning',
    meaning: 'Mail was handed over more than two days ago and still has no final status.',
    when: 'there was one at any time of the last hour',
    because: 'SES stops trying within hours, and the event and the receipt follow within minutes',
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

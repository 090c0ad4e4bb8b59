import { FEEDBACK_LONGEST_RETRY_SECONDS } from '../../../lambda/feedback/constants.ts';
import type { Settings } from '../settings.ts';
import { accountAlarms } from './account-alarms.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';
import { sumOf } from './sum-of.ts';
import { feedbackStuckSeconds, mailWaitingSeconds, RECEIPTS_UNREAD_SECONDS } from './thresholds.ts';

type AlarmSettings = Pick<Settings, 'eventWaitDefaultSeconds'>;

const MINUTE_SECONDS = 60;

/**
 * Where one try is more than one period away from the next, nobody tells of the mail in between: the window holds two
 * tries of the longest pause, so that the alarm does not close and ring again.
 */
const MAIL_WINDOW_PERIODS = 12;
const FEEDBACK_WINDOW_PERIODS = Math.ceil((2 * FEEDBACK_LONGEST_RETRY_SECONDS) / (5 * MINUTE_SECONDS));

/** The alarms of every deployment, in the order in which they matter. */
export function essentialAlarms(m: PipelineMetrics, settings: AlarmSettings): readonly AlarmDefinition[] {
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
    // Not of the watch function: no mail passes through it, and quota-near and key-old tell of its silence.
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

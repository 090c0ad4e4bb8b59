import { WATCH_PERIOD_MINUTES } from '../../../lambda/watch/constants.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';
import { KEY_OLD_DAYS, QUOTA_NEAR_PERCENT, REPUTATION } from './thresholds.ts';

/** Three values a period: that one of them is late or lost leaves no hole. */
const WATCH_WINDOW_MINUTES = 3 * WATCH_PERIOD_MINUTES;

/** Of every deployment, on what is about the account and not about single mails. */
export function accountAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
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
    periodMinutes: WATCH_WINDOW_MINUTES,
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
    periodMinutes: WATCH_WINDOW_MINUTES,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    missingData: 'missing',
    tellsOfMissingData: true,
  };
}

import type { AlarmDefinition } from './alarm-definition.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';
import { sumOf } from './sum-of.ts';

/** What `alarms: all` adds: each is told by another alarm as well, only later or less clearly. */
export function furtherAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
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
    // Of a watch function that is silent, quota-near and key-old tell.
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

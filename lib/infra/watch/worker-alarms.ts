import type { AlarmDefinition } from './alarm-definition.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';

/** What `workerMetrics` adds: alarms on what the worker itself tells CloudWatch. */
export function workerAlarms(m: PipelineMetrics): readonly AlarmDefinition[] {
  return [workerSilent(m), outboxOld(m), fatesOverdue(m)];
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

function fatesOverdue(m: PipelineMetrics): AlarmDefinition {
  return {
    name: 'fates-overdue',
    severity: 'warning',
    meaning: 'Mail was handed over more than two days ago, and nobody knows what became of it.',
    when: 'there was one at any time of the last hour',
    because: 'SES gives up on a mail within hours, and its event and receipt follow within minutes',
    first: 'doctor --only queues,functions',
    dashboard: 'mail',
    metrics: { overdue: m.own('FatesOverdue', 'Maximum') },
    comparison: '>=',
    threshold: 1,
    periodMinutes: 60,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    missingData: 'notBreaching',
  };
}

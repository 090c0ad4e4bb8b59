import type { Settings } from '../settings.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import { essentialAlarms } from './essential-alarms.ts';
import { furtherAlarms } from './further-alarms.ts';
import { type MetricSettings, PipelineMetrics } from './pipeline-metrics.ts';
import { workerAlarms } from './worker-alarms.ts';

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

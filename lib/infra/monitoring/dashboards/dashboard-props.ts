import type { IAlarmRef } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../settings.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { Widgets } from './widgets.ts';

/** What every dashboard needs. */
export interface DashboardProps {
  readonly metrics: PipelineMetrics;
  readonly widgets: Widgets;
  readonly settings: Settings;

  /** The most important first; may be empty. */
  readonly alarms: readonly IAlarmRef[];

  /** Markdown links to the runbook and the other dashboards. */
  readonly links: {
    readonly runbook: string;
    readonly mail: string;
    readonly reputation: string;
    readonly machineRoom: string;
  };
}

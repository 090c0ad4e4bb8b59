import type { IAlarmRef } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../settings.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { Widgets } from './widgets.ts';

/** What each of the dashboards is made of. */
export interface DashboardProps {
  readonly metrics: PipelineMetrics;
  readonly widgets: Widgets;
  readonly settings: Settings;

  /** In the order in which they matter; may be none. */
  readonly alarms: readonly IAlarmRef[];

  /** Markdown that leads to the others, and to where one reads what to do. */
  readonly links: {
    readonly runbook: string;
    readonly mail: string;
    readonly reputation: string;
    readonly machineRoom: string;
  };
}

import { Duration } from 'aws-cdk-lib';
import { Dashboard, type IAlarmRef, type IWidget, PeriodOverride } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { monitoringNames } from '../../../common/names.ts';
import type { Settings } from '../../settings.ts';
import { watchesAccount } from '../alarms.ts';
import { dashboardLink } from '../mail-alarm.ts';
import { PipelineMetrics } from '../metrics.ts';
import { machineRoomDashboard } from './machine-room-dashboard.ts';
import { mailDashboard } from './mail-dashboard.ts';
import { reputationDashboard } from './reputation-dashboard.ts';
import { Widgets } from './widgets.ts';

export interface MailDashboardsProps {
  readonly settings: Settings;

  /** Their states are shown. */
  readonly alarms: readonly IAlarmRef[];
}

/**
 * The dashboards of a stage, each of at most 50 metrics. With the third, on the account, one stage has as many as
 * CloudWatch has free of charge.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
 */
export class MailDashboards extends Construct {
  constructor(scope: Construct, id: string, { settings, alarms }: MailDashboardsProps) {
    super(scope, id);
    const names = monitoringNames(settings);
    const ofAccount = monitoringNames({ ...settings, stage: settings.accountMonitoring });
    const props = {
      settings,
      alarms,
      metrics: new PipelineMetrics(settings),
      widgets: new Widgets(settings.region),
      links: {
        runbook: runbookMarkdown(settings),
        mail: `[mail](${dashboardLink(names.mailDashboard, settings)})`,
        reputation: `[reputation](${dashboardLink(ofAccount.reputationDashboard, settings)})`,
        machineRoom: `[machine room](${dashboardLink(names.machineRoomDashboard, settings)})`,
      },
    };
    this.add('Mail', names.mailDashboard, Duration.hours(6), mailDashboard(props));
    if (watchesAccount(settings)) {
      this.add('Reputation', names.reputationDashboard, Duration.days(7), reputationDashboard(props));
    }
    this.add('MachineRoom', names.machineRoomDashboard, Duration.hours(6), machineRoomDashboard(props));
  }

  private add(id: string, dashboardName: string, defaultInterval: Duration, widgets: IWidget[][]): void {
    // Counts are of 5 minutes, as their axes say, for any time range.
    const periodOverride = PeriodOverride.INHERIT;
    new Dashboard(this, id, { dashboardName, defaultInterval, periodOverride, widgets });
  }
}

/** In the console, a file of the repository is no link. */
function runbookMarkdown({ runbookUrl }: Settings): string {
  return runbookUrl === '' ? '`docs/runbook.md`' : `the [runbook](${runbookUrl})`;
}

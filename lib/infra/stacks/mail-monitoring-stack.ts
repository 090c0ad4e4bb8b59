import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { alarmPrefix, monitoringNames, resourceNames } from '../../common/names.ts';
import { metricNamespace } from '../../domain/metrics.ts';
import { AccountMetricsFunction } from '../constructs/account-metrics-function.ts';
import { AlarmTopic } from '../monitoring/alarm-topic.ts';
import { alarmDefinitions } from '../monitoring/alarms.ts';
import { MailDashboards } from '../monitoring/dashboards/mail-dashboards.ts';
import { MailAlarm } from '../monitoring/mail-alarm.ts';
import type { Settings } from '../settings.ts';

export interface MailMonitoringStackProps extends StackProps {
  readonly settings: Settings;

  /** The folder with the bundled account-metrics Lambda. */
  readonly accountMetricsBundle: string;
}

/**
 * The monitoring of one stage of the pipeline: dashboards, alarms and the topic that notifies people. It finds the
 * pipeline only by names, so that either stack can be changed, deployed and deleted without the other.
 */
export class MailMonitoringStack extends Stack {
  readonly accountMetricsFunction: AccountMetricsFunction;
  readonly alarms: readonly MailAlarm[];

  constructor(scope: Construct, id: string, props: MailMonitoringStackProps) {
    const { settings, accountMetricsBundle, ...stackProps } = props;
    super(scope, id, {
      description: `Monitors the mail pipeline of ${settings.domain}: dashboards and alarms (${settings.stage})`,
      terminationProtection: settings.stage === 'prod',
      ...stackProps,
    });
    this.accountMetricsFunction = this.createAccountMetricsFunction(settings, accountMetricsBundle);
    this.alarms = this.createAlarms(settings);
    if (settings.dashboards) {
      const alarms = this.alarms.map(({ alarm }) => alarm);
      new MailDashboards(this, 'Dashboards', { settings, alarms });
    }
  }

  private createAccountMetricsFunction(settings: Settings, bundle: string): AccountMetricsFunction {
    const names = resourceNames(settings);
    return new AccountMetricsFunction(this, 'AccountMetrics', {
      functionName: monitoringNames(settings).accountMetricsFunction,
      bundle,
      logRetention: settings.logRetentionDays,
      metrics: { namespace: metricNamespace(settings.project), stage: settings.stage },
      userName: names.user,
      suppressionTable: names.suppressionTable,
    });
  }

  private createAlarms(settings: Settings): readonly MailAlarm[] {
    const definitions = alarmDefinitions(settings);
    if (definitions.length === 0) return [];
    const { topic } = new AlarmTopic(this, 'AlarmTopic', {
      topicName: monitoringNames(settings).alarmTopic,
      alarmPrefix: alarmPrefix(settings),
      emails: settings.alarmEmail,
    });
    new CfnOutput(this, 'AlarmTopicArn', {
      description: 'Subscribe to it to get the alarms',
      value: topic.topicArn,
    });
    return definitions.map(
      (definition) => new MailAlarm(this, constructId(definition.name), { definition, topic, settings }),
    );
  }
}

/** @example mail-waiting is the construct MailWaiting */
function constructId(name: string): string {
  return name.replaceAll(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase());
}

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { metricNamespace } from '../message/metrics.ts';
import { resourceNames } from './resource-names.ts';
import type { Settings } from './settings.ts';
import { alarmDefinitions } from './watch/alarm-definitions.ts';
import { AlarmTopic } from './watch/alarm-topic.ts';
import { MailDashboards } from './watch/dashboards/mail-dashboards.ts';
import { MailAlarm } from './watch/mail-alarm.ts';
import { alarmName, watchNames } from './watch/watch-names.ts';
import { WatchFunction } from './watch-function.ts';

export interface MailWatchStackProps extends StackProps {
  readonly settings: Settings;

  /** The folder with the bundled watch Lambda. */
  readonly watchBundle: string;
}

/**
 * What looks at one stage of the pipeline: dashboards, alarms and whom they tell. It knows the pipeline by its names
 * alone, so that either can be changed, deployed and deleted without the other.
 */
export class MailWatchStack extends Stack {
  readonly watchFunction: WatchFunction;
  readonly alarms: readonly MailAlarm[];

  constructor(scope: Construct, id: string, props: MailWatchStackProps) {
    const { settings, watchBundle, ...stackProps } = props;
    super(scope, id, {
      description: `Looks at the mail pipeline of ${settings.domain}: dashboards and alarms (${settings.stage})`,
      terminationProtection: settings.stage === 'prod',
      ...stackProps,
    });
    this.watchFunction = this.createWatchFunction(settings, watchBundle);
    this.alarms = this.createAlarms(settings);
    if (settings.dashboards) {
      const alarms = this.alarms.map(({ alarm }) => alarm);
      new MailDashboards(this, 'Dashboards', { settings, alarms });
    }
  }

  private createWatchFunction(settings: Settings, bundle: string): WatchFunction {
    const names = resourceNames(settings);
    return new WatchFunction(this, 'Watch', {
      functionName: watchNames(settings).watchFunction,
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
      topicName: watchNames(settings).alarmTopic,
      alarmPrefix: alarmName(settings, ''),
      emails: settings.alarmEmail,
    });
    new CfnOutput(this, 'AlarmTopicArn', { description: 'Who is told of alarms', value: topic.topicArn });
    return definitions.map(
      (definition) => new MailAlarm(this, constructId(definition.name), { definition, topic, settings }),
    );
  }
}

/** @example mail-waiting is the construct MailWaiting */
function constructId(name: string): string {
  return name.replaceAll(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase());
}

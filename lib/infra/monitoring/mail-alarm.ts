import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarmName, DEPLOYMENT_DEFAULTS, monitoringNames } from '../../common/names.ts';
import type { Settings } from '../settings.ts';
import type { AlarmDefinition } from './alarms.ts';
import type { MetricSpec } from './metrics.ts';

export interface MailAlarmProps {
  readonly definition: AlarmDefinition;

  /** Gets every change of state. */
  readonly topic: ITopic;

  readonly settings: AlarmTextSettings;
}

/**
 * One alarm as it is defined. It notifies when it goes into alarm and when it is OK again.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export class MailAlarm extends Construct {
  readonly alarm: Alarm;

  constructor(scope: Construct, id: string, { definition, topic, settings }: MailAlarmProps) {
    super(scope, id);
    this.alarm = new Alarm(this, 'Alarm', {
      alarmName: alarmName(settings, definition.name),
      alarmDescription: alarmText(definition, settings),
      metric: metricOf(definition),
      threshold: definition.threshold,
      comparisonOperator: COMPARISONS[definition.comparison],
      evaluationPeriods: definition.evaluationPeriods,
      datapointsToAlarm: definition.datapointsToAlarm,
      treatMissingData: TREATMENTS[definition.missingData],
    });
    const notify = new SnsAction(topic);
    this.alarm.addAlarmAction(notify);
    this.alarm.addOkAction(notify);
    if (definition.notifiesWithoutData === true) this.alarm.addInsufficientDataAction(notify);
  }
}

const COMPARISONS = {
  '>=': ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  '>': ComparisonOperator.GREATER_THAN_THRESHOLD,
  '<': ComparisonOperator.LESS_THAN_THRESHOLD,
};

const TREATMENTS = {
  missing: TreatMissingData.MISSING,
  ignore: TreatMissingData.IGNORE,
  breaching: TreatMissingData.BREACHING,
  notBreaching: TreatMissingData.NOT_BREACHING,
};

/** @throws Error if several metrics have no expression over them */
function metricOf({ name, metrics, expression, periodMinutes }: AlarmDefinition): IMetric {
  const period = Duration.minutes(periodMinutes);
  const entries = Object.entries(metrics).map(([id, spec]) => [id, cdkMetric(spec, period)] as const);
  if (expression !== undefined) {
    return new MathExpression({ expression, usingMetrics: Object.fromEntries(entries), period, label: name });
  }
  const [[, only] = [], ...others] = entries;
  if (only === undefined || others.length > 0)
    throw new Error(`${name} needs an expression over its metrics`);
  return only;
}

function cdkMetric({ name, namespace, dimensions, statistic }: MetricSpec, period: Duration): Metric {
  return new Metric({ namespace, metricName: name, dimensionsMap: { ...dimensions }, statistic, period });
}

export type AlarmTextSettings = Pick<Settings, 'project' | 'stage' | 'region' | 'runbookUrl' | 'dashboards'>;

/**
 * The description of an alarm, which is part of each of its notifications: what has happened, its condition, and what to
 * do. CloudWatch accepts up to 1,024 characters.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export function alarmText(definition: AlarmDefinition, settings: AlarmTextSettings): string {
  const { name, severity, meaning, when, because, first, dashboard } = definition;
  const names = monitoringNames(settings);
  const shownOn = {
    mail: names.mailDashboard,
    reputation: names.reputationDashboard,
    machineRoom: names.machineRoomDashboard,
  }[dashboard];
  return [
    `[${severity}] ${meaning}`,
    `In alarm when ${when}, because ${because}.`,
    `First: ${mailctl(first, settings)}`,
    `Runbook: ${runbookLink(name, settings)}`,
    ...(settings.dashboards ? [`Dashboard: ${dashboardLink(shownOn, settings)}`] : []),
  ].join('\n');
}

function runbookLink(anchor: string, { runbookUrl }: AlarmTextSettings): string {
  return `${runbookUrl === '' ? 'docs/runbook.md' : runbookUrl}#${anchor}`;
}

/** The page of a dashboard in the console. */
export function dashboardLink(name: string, { region }: Pick<Settings, 'region'>): string {
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${name}`;
}

/** Ready to paste: with the flags that differ from mailctl's defaults. */
function mailctl(command: string, { stage, project, region }: AlarmTextSettings): string {
  const flags = [
    ...(stage === 'dev' ? [] : [`--stage ${stage}`]),
    ...(project === DEPLOYMENT_DEFAULTS.project ? [] : [`--project ${project}`]),
    ...(region === 'eu-west-1' ? [] : [`--region ${region}`]),
  ];
  return ['mailctl', ...flags, command].join(' ');
}

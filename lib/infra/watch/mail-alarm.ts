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
import type { AlarmDefinition } from './alarm-definition.ts';
import { type AlarmTextSettings, alarmText } from './alarm-text.ts';
import type { MetricSpec } from './pipeline-metrics.ts';
import { alarmName } from './watch-names.ts';

export interface MailAlarmProps {
  readonly definition: AlarmDefinition;

  /** Who is told. */
  readonly topic: ITopic;

  readonly settings: AlarmTextSettings;
}

/**
 * One alarm as it is defined, which tells when it rings and when that is over.
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
    const tell = new SnsAction(topic);
    this.alarm.addAlarmAction(tell);
    this.alarm.addOkAction(tell);
    if (definition.tellsOfMissingData === true) this.alarm.addInsufficientDataAction(tell);
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

/** @throws Error where several metrics have no expression over them */
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

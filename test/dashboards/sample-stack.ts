import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  Alarm,
  AlarmStatusWidget,
  Color,
  Dashboard,
  GaugeWidget,
  GraphWidget,
  GraphWidgetView,
  type IWidget,
  MathExpression,
  Metric,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';

const CLASSES = ['unreachable', 'tls', 'auth', 'deferred', 'rejected'];

const ours = (metricName: string, statistic: string, dimensions: Record<string, string> = {}) =>
  new Metric({
    namespace: 'keybuzz/mail',
    metricName,
    statistic,
    dimensionsMap: { stage: 'dev', ...dimensions },
  });

const age = new Metric({
  namespace: 'AWS/SQS',
  metricName: 'ApproximateAgeOfOldestMessage',
  dimensionsMap: { QueueName: 'keybuzz-mail-fallback-dev' },
  statistic: 'Maximum',
});

const bounceRate = new MathExpression({
  expression: 'rate * 100',
  label: 'Bounce rate',
  period: Duration.hours(1),
  usingMetrics: { rate: new Metric({ namespace: 'AWS/SES', metricName: 'Reputation.BounceRate' }) },
});

const resent = ours('Resent', 'Sum').with({ label: 'Resent' });

const words = `# Mail of dev
Mail flows where **SMTP** or *SES* takes it; \`mailctl status\` tells the same. See the [runbook](https://example.org).
- one
- two`;

/** The template of a stack with a dashboard of every supported kind of widget. */
export function sampleTemplate(): unknown {
  const stack = new Stack(new App(), 'sample');
  const alarms = ['fallback-in-use', 'mail-waiting', 'dead-letters', 'key-old'].map(
    (name) =>
      new Alarm(stack, name, {
        alarmName: `keybuzz-mail-dev-${name}`,
        metric: age,
        threshold: 1,
        evaluationPeriods: 1,
      }),
  );
  new Dashboard(stack, 'dashboard', { dashboardName: 'keybuzz-mail-dev', widgets: widgets(alarms) });
  return Template.fromStack(stack).toJSON();
}

function widgets(alarms: Alarm[]): IWidget[][] {
  const half = { width: 12, height: 6 };
  return [
    [new TextWidget({ markdown: words, width: 24, height: 3 })],
    [
      new SingleValueWidget({
        title: 'Now',
        metrics: [resent, age.with({ label: 'Oldest' }), ours('TimeToAcceptance', 'p90')],
        setPeriodToTimeRange: true,
        width: 12,
        height: 3,
      }),
      new SingleValueWidget({ title: 'Resent', metrics: [resent], sparkline: true, width: 6, height: 4 }),
      new AlarmStatusWidget({ title: 'Alarms', alarms, width: 6, height: 4 }),
    ],
    [
      new GraphWidget({
        ...half,
        title: 'Why SMTP fails',
        left: CLASSES.map((label) => ours('HandedOver', 'Sum', { class: label }).with({ label })),
        leftYAxis: { label: 'Mails', min: 0 },
        stacked: true,
      }),
      new GraphWidget({
        ...half,
        title: 'Waiting',
        left: [age],
        right: [ours('TimeToAcceptance', 'p50'), ours('TimeToAcceptance', 'p99')],
        leftYAxis: { label: 'Oldest mail' },
        rightYAxis: { label: 'To acceptance' },
        leftAnnotations: [{ value: 1800, label: 'mail-waiting', color: Color.ORANGE }],
      }),
    ],
    [
      new GraphWidget({
        ...half,
        title: 'Reputation',
        left: [bounceRate],
        leftYAxis: { label: '%', min: 0 },
        leftAnnotations: [
          { value: 5, label: 'AWS reviews', color: Color.ORANGE },
          { value: 10, label: 'AWS pauses', color: Color.RED },
        ],
      }),
      new GaugeWidget({
        title: 'Quota',
        metrics: [ours('QuotaUsed', 'Maximum')],
        leftYAxis: { min: 0, max: 100 },
        width: 6,
      }),
      new GraphWidget({
        title: 'By class',
        view: GraphWidgetView.BAR,
        left: CLASSES.map((label) => ours('HandedOver', 'Sum', { class: label }).with({ label })),
        setPeriodToTimeRange: true,
        width: 6,
      }),
    ],
  ];
}

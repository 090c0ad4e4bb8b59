import { AlarmStatusWidget, type IAlarmRef, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../../domain/metrics.ts';
import { type PipelineMetrics, sumOf } from '../metrics.ts';
import { feedbackStuckSeconds, mailWaitingSeconds, RECEIPTS_UNREAD_SECONDS } from '../thresholds.ts';
import type { DashboardProps } from './dashboard-props.ts';
import { COLOURS, FULL_WIDTH, type Line, PERCENTILE_COLOURS } from './widgets.ts';

/** What one looks at first: whether mail flows, and if not, where it stands still, since when, and why. */
export function mailDashboard(props: DashboardProps): IWidget[][] {
  return [
    [introduction(props)],
    bigNumbers(props),
    ...alarmRow(props.alarms),
    wayOfMail(props),
    waiting(props),
    times(props),
    ...(props.settings.workerMetrics ? [workerRow(props)] : []),
  ];
}

function introduction({ widgets, settings, links }: DashboardProps): IWidget {
  return widgets.text(
    [
      `# Mail (${settings.project}, ${settings.stage})`,
      '**Does mail flow?** Above zero in *Handed over*: SMTP does not take it, and SES does instead. As long as ' +
        '*Taken by SES* follows, users notice nothing. Red is harm: look at it first.',
      `What to do: \`mailctl doctor\`, then ${links.runbook}. More: ` +
        `${links.reputation}, ${links.machineRoom}.`,
    ].join('\n\n'),
    3,
  );
}

function bigNumbers({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const flow: Line[] = [
    { label: 'Handed over', color: COLOURS.fallback, of: m.own('HandedOver', 'Sum') },
    { label: 'Taken by SES', color: COLOURS.ses, of: m.own('Resent', 'Sum') },
    { label: 'Delivered', color: COLOURS.good, of: m.own('Delivered', 'Sum') },
    { label: 'SMTP is at fault', color: COLOURS.warning, of: m.own('SmtpDown', 'Sum') },
  ];
  const now: Line[] = [
    {
      label: 'Oldest mail that waits, s',
      color: COLOURS.harm,
      of: { age: m.oldestAge('fallback'), tried: m.own('MailRetryAge', 'Maximum') },
      expression: 'MAX([FILL(age, 0), FILL(tried, 0)])',
    },
    {
      label: 'Dead letters',
      color: COLOURS.harm,
      of: deadLettersOf(m),
      expression: sumOf('mail', 'events', 'receipts'),
    },
  ];
  return [
    widgets.numbers({ title: 'Recipients, in the time shown', width: 16, lines: flow, over: 'time-shown' }),
    widgets.numbers({ title: 'Now', width: 8, lines: now, over: 'latest' }),
  ];
}

function alarmRow(alarms: readonly IAlarmRef[]): IWidget[][] {
  if (alarms.length === 0) return [];
  const height = 1 + Math.ceil(alarms.length / 5);
  return [[new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: FULL_WIDTH, height })]];
}

function wayOfMail({ widgets, metrics: m, settings }: DashboardProps): IWidget[] {
  const taken: Line = { label: 'Taken by SMTP', color: COLOURS.smtp, of: m.own('SmtpTaken', 'Sum') };
  const way: Line[] = [
    ...(settings.workerMetrics ? [taken] : []),
    { label: 'Handed over', color: COLOURS.fallback, of: m.own('HandedOver', 'Sum') },
    { label: 'Taken by SES', color: COLOURS.ses, of: m.own('Resent', 'Sum') },
    { label: 'Delivered', color: COLOURS.good, of: m.own('Delivered', 'Sum') },
    {
      label: 'Bounced',
      color: COLOURS.harm,
      of: { hard: m.own('Bounced', 'Sum', 'hard'), soft: m.own('Bounced', 'Sum', 'soft') },
      expression: sumOf('hard', 'soft'),
    },
    { label: 'Expired', color: COLOURS.neutral, of: m.own('Expired', 'Sum') },
  ];
  const why = METRICS.HandedOver.by.values.map((value): Line => {
    return { label: value, color: CLASS_COLOURS[value], of: m.own('HandedOver', 'Sum', value) };
  });
  return [
    widgets.graph({
      title: 'From SMTP to the recipient',
      width: 12,
      lines: way,
      axis: 'recipients / 5 min',
    }),
    widgets.graph({
      title: 'Why SMTP did not take it',
      width: 12,
      lines: why,
      axis: 'recipients / 5 min',
      stacked: true,
    }),
  ];
}

/** Grey is what is no fault of the server. */
const CLASS_COLOURS = {
  unreachable: COLOURS.harm,
  tls: '#9467bd',
  auth: '#8c564b',
  deferred: COLOURS.fallback,
  rejected: COLOURS.slightHarm,
  unknown: '#17becf',
  'circuit-open': COLOURS.smtp,
  'not-tried': COLOURS.pale,
} as const satisfies Record<(typeof METRICS.HandedOver.by.values)[number], string>;

function waiting({ widgets, metrics: m, settings }: DashboardProps): IWidget[] {
  const ages: Line[] = [
    { label: 'mail', color: COLOURS.fallback, of: m.oldestAge('fallback') },
    { label: 'mail that was tried', color: COLOURS.harm, of: m.own('MailRetryAge', 'Maximum') },
    { label: 'events', color: COLOURS.ses, of: m.oldestAge('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.oldestAge('receipts') },
  ];
  const counts: Line[] = [
    { label: 'mail', color: COLOURS.fallback, of: m.waiting('fallback') },
    { label: 'events', color: COLOURS.ses, of: m.waiting('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.waiting('receipts') },
  ];
  const parked: Line[] = [
    { label: 'mail', color: COLOURS.harm, of: m.deadLetters('fallback') },
    { label: 'events', color: COLOURS.warning, of: m.deadLetters('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.deadLetters('receipts') },
  ];
  const mailWaiting = mailWaitingSeconds(settings);
  const marks = [
    ...(mailWaiting === RECEIPTS_UNREAD_SECONDS
      ? []
      : [{ label: 'receipts-unread', value: RECEIPTS_UNREAD_SECONDS, kind: 'alarm' as const }]),
    { label: 'mail-waiting', value: mailWaiting, kind: 'alarm' as const },
    { label: 'feedback-stuck', value: feedbackStuckSeconds(settings), kind: 'alarm' as const },
  ];
  return [
    widgets.graph({ title: 'The oldest that waits', width: 8, lines: ages, axis: 'seconds', marks }),
    widgets.graph({ title: 'How many wait', width: 8, lines: counts, axis: 'messages' }),
    widgets.graph({ title: 'Dead letters', width: 8, lines: parked, axis: 'messages', stacked: true }),
  ];
}

function times({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const lines = (name: 'TimeToAcceptance' | 'TimeToDelivery') =>
    (['p50', 'p90', 'p99'] as const).map((percentile): Line => {
      const color = PERCENTILE_COLOURS[percentile];
      return { label: percentile, color, of: m.own(name, percentile), expression: 'm / 1000' };
    });
  const place = { width: 12, axis: 'seconds' };
  return [
    widgets.graph({
      ...place,
      title: 'From the failure of SMTP until SES had it',
      lines: lines('TimeToAcceptance'),
    }),
    widgets.graph({
      ...place,
      title: 'From the failure of SMTP until the recipient had it',
      lines: lines('TimeToDelivery'),
    }),
  ];
}

function deadLettersOf(m: PipelineMetrics) {
  return {
    mail: m.deadLetters('fallback'),
    events: m.deadLetters('feedback'),
    receipts: m.deadLetters('receipts'),
  };
}

/** What the worker itself tells: what SMTP did not take, and what waits in its rows. */
function workerRow({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const failed = {
    unreachable: m.own('SmtpFailed', 'Sum', 'unreachable'),
    tls: m.own('SmtpFailed', 'Sum', 'tls'),
    auth: m.own('SmtpFailed', 'Sum', 'auth'),
    deferred: m.own('SmtpFailed', 'Sum', 'deferred'),
    rejected: m.own('SmtpFailed', 'Sum', 'rejected'),
    unknown: m.own('SmtpFailed', 'Sum', 'unknown'),
    open: m.own('SmtpFailed', 'Sum', 'circuit-open'),
  };
  const ids = Object.keys(failed);
  return [
    widgets.graph({
      title: 'Not taken by SMTP, as the worker sees it',
      width: 8,
      axis: 'deliveries / 5 min',
      lines: [
        {
          label: 'not taken',
          color: COLOURS.harm,
          of: failed,
          expression: sumOf(...ids),
        },
      ],
    }),
    widgets.graph({
      title: 'What waits in the rows',
      width: 8,
      axis: 'deliveries',
      lines: [
        { label: 'waiting', color: COLOURS.smtp, of: m.own('OutboxWaiting', 'Maximum') },
        { label: 'status overdue', color: COLOURS.warning, of: m.own('StatusesOverdue', 'Maximum') },
      ],
    }),
    widgets.graph({
      title: 'The oldest row that is due',
      width: 8,
      axis: 'seconds',
      lines: [{ label: 'due for', color: COLOURS.smtp, of: m.own('OutboxOldestDue', 'Maximum') }],
    }),
  ];
}

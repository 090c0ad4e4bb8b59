import { AlarmStatusWidget, type IAlarmRef, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../../domain/metrics.ts';
import { type PipelineMetrics, sumOf } from '../metrics.ts';
import {
  feedbackStuckSeconds,
  mailWaitingSeconds,
  RECEIPTS_UNREAD_SECONDS,
  URGENT_WAITING_SECONDS,
} from '../thresholds.ts';
import type { DashboardProps } from './dashboard-props.ts';
import { COLOURS, FULL_WIDTH, type Line, PERCENTILE_COLOURS } from './widgets.ts';

/** The first to check: whether mail flows, and if not, where it stops, since when and why. */
export function mailDashboard(props: DashboardProps): IWidget[][] {
  return [
    [introduction(props)],
    bigNumbers(props),
    ...alarmRow(props.alarms),
    flow(props),
    backlog(props),
    waiting(props),
    times(props),
    ...(props.settings.workerMetrics ? [workerRow(props)] : []),
  ];
}

function introduction({ widgets, settings, links }: DashboardProps): IWidget {
  return widgets.text(
    [
      `# Mail (${settings.project}, ${settings.stage})`,
      '**Does mail flow?** *Handed over* above zero: SMTP does not accept mail, and SES sends it instead. As long as ' +
        '*Accepted by SES* follows, users notice nothing. Red is harm: check it first.',
      `What to do: \`mailctl doctor\`, then ${links.runbook}. More: ` +
        `${links.reputation}, ${links.machineRoom}.`,
    ].join('\n\n'),
    3,
  );
}

function bigNumbers({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const flow: Line[] = [
    { label: 'Handed over', color: COLOURS.fallback, of: m.own('HandedOver', 'Sum') },
    { label: 'Accepted by SES', color: COLOURS.ses, of: m.own('Resent', 'Sum') },
    { label: 'Delivered', color: COLOURS.good, of: m.own('Delivered', 'Sum') },
    { label: 'SMTP failed', color: COLOURS.warning, of: m.own('SmtpDown', 'Sum') },
  ];
  const now: Line[] = [
    {
      label: 'Oldest waiting mail, s',
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
    widgets.numbers({ title: 'Recipients, in the time range', width: 16, lines: flow, over: 'time-shown' }),
    widgets.numbers({ title: 'Now', width: 8, lines: now, over: 'latest' }),
  ];
}

function alarmRow(alarms: readonly IAlarmRef[]): IWidget[][] {
  if (alarms.length === 0) return [];
  const height = 1 + Math.ceil(alarms.length / 5);
  return [[new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: FULL_WIDTH, height })]];
}

function flow({ widgets, metrics: m, settings }: DashboardProps): IWidget[] {
  const accepted: Line = { label: 'Accepted by SMTP', color: COLOURS.smtp, of: m.own('SmtpTaken', 'Sum') };
  const steps: Line[] = [
    ...(settings.workerMetrics ? [accepted] : []),
    { label: 'Handed over', color: COLOURS.fallback, of: m.own('HandedOver', 'Sum') },
    { label: 'Accepted by SES', color: COLOURS.ses, of: m.own('Resent', 'Sum') },
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
      lines: steps,
      axis: 'recipients / 5 min',
    }),
    widgets.graph({
      title: 'Why SMTP did not accept it',
      width: 12,
      lines: why,
      axis: 'recipients / 5 min',
      stacked: true,
    }),
  ];
}

/** Grey means no fault of the server. */
const CLASS_COLOURS = {
  unreachable: COLOURS.harm,
  tls: '#9467bd',
  auth: '#8c564b',
  deferred: COLOURS.fallback,
  rejected: COLOURS.slightHarm,
  unknown: '#17becf',
  'circuit-open': COLOURS.smtp,
  undelivered: '#bcbd22',
  'not-tried': COLOURS.pale,
} as const satisfies Record<(typeof METRICS.HandedOver.by.values)[number], string>;

const PERIOD_MINUTES = 5;

/** What waits, how fast it goes, and so how long it takes. Held mail is not part of that: it waits for a person. */
function backlog({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const perSecond = `m / ${PERIOD_MINUTES * 60}`;
  const rates: Line[] = [
    { label: 'SES allows', color: COLOURS.neutral, of: m.own('QuotaRate', 'Maximum') },
    {
      label: 'recipients sent',
      color: COLOURS.ses,
      of: m.own('Resent', 'Sum'),
      expression: perSecond,
    },
    {
      label: 'calls throttled',
      color: COLOURS.harm,
      of: m.own('Throttled', 'Sum'),
      expression: perSecond,
    },
  ];
  const ofQueue = (queue: 'fallback' | 'urgent' | 'held') => ({
    of: { visible: m.waiting(queue), flying: m.inFlight(queue) },
    expression: sumOf('visible', 'flying'),
  });
  const waiting: Line[] = [
    { label: 'normal', color: COLOURS.fallback, ...ofQueue('fallback') },
    { label: 'urgent', color: COLOURS.harm, ...ofQueue('urgent') },
    { label: 'held by the fuse', color: COLOURS.neutral, ...ofQueue('held') },
  ];
  const toDrain = {
    n1: m.waiting('fallback'),
    n2: m.inFlight('fallback'),
    u1: m.waiting('urgent'),
    u2: m.inFlight('urgent'),
  };
  const all = sumOf(...Object.keys(toDrain));
  // A message counts as one recipient. Where nothing is sent, there is no time at which it would be drained.
  const minutes: Line[] = [
    {
      label: 'minutes to drain, as it goes now',
      color: COLOURS.smtp,
      of: { ...toDrain, sent: m.own('Resent', 'Sum') },
      expression: `${PERIOD_MINUTES} * ${all} / sent`,
    },
    {
      label: 'minutes to drain, at the quota',
      color: COLOURS.good,
      of: { ...toDrain, quota: m.own('QuotaRate', 'Maximum') },
      expression: `${all} / (60 * quota)`,
    },
  ];
  return [
    widgets.graph({ title: 'Sent, and what SES allows', width: 8, lines: rates, axis: 'a second' }),
    widgets.graph({
      title: 'Mail in the queues, and the time to drain them',
      width: 16,
      lines: waiting,
      axis: 'messages',
      right: { lines: minutes, axis: 'minutes' },
    }),
  ];
}

function waiting({ widgets, metrics: m, settings }: DashboardProps): IWidget[] {
  const ages: Line[] = [
    { label: 'mail', color: COLOURS.fallback, of: m.oldestAge('fallback') },
    { label: 'urgent mail', color: COLOURS.slightHarm, of: m.oldestAge('urgent') },
    { label: 'mail that was tried', color: COLOURS.harm, of: m.own('MailRetryAge', 'Maximum') },
    { label: 'events', color: COLOURS.ses, of: m.oldestAge('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.oldestAge('receipts') },
  ];
  const deadLetters: Line[] = [
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
    { label: 'urgent-waiting', value: URGENT_WAITING_SECONDS, kind: 'alarm' as const },
  ];
  return [
    widgets.graph({ title: 'The oldest message', width: 12, lines: ages, axis: 'seconds', marks }),
    widgets.graph({ title: 'Dead letters', width: 12, lines: deadLetters, axis: 'messages', stacked: true }),
  ];
}

function times({ widgets, metrics: m }: DashboardProps): IWidget[] {
  // Without the median of the first: a dashboard of up to 50 metrics is free, and the tail is what users notice.
  const lines = (name: 'TimeToAcceptance' | 'TimeToDelivery') =>
    (name === 'TimeToDelivery' ? (['p50', 'p99'] as const) : (['p99'] as const)).map((percentile): Line => {
      const color = PERCENTILE_COLOURS[percentile];
      return { label: percentile, color, of: m.own(name, percentile), expression: 'm / 1000' };
    });
  const place = { width: 12, axis: 'seconds' };
  return [
    widgets.graph({
      ...place,
      title: 'From the SMTP failure to acceptance by SES',
      lines: lines('TimeToAcceptance'),
    }),
    widgets.graph({
      ...place,
      title: 'From the SMTP failure to delivery',
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

/** The worker's own metrics: what waits in the outbox. */
function workerRow({ widgets, metrics: m }: DashboardProps): IWidget[] {
  return [
    widgets.graph({
      title: 'Outbox rows',
      width: 12,
      axis: 'deliveries',
      lines: [
        { label: 'waiting', color: COLOURS.smtp, of: m.own('OutboxWaiting', 'Maximum') },
        { label: 'status overdue', color: COLOURS.warning, of: m.own('StatusesOverdue', 'Maximum') },
      ],
    }),
    widgets.graph({
      title: 'The oldest due row',
      width: 12,
      axis: 'seconds',
      lines: [{ label: 'due for', color: COLOURS.smtp, of: m.own('OutboxOldestDue', 'Maximum') }],
    }),
  ];
}

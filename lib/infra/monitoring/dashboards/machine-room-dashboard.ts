import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../../domain/metrics.ts';
import { FEEDBACK_MEMORY_MIB } from '../../constructs/feedback-function.ts';
import { RESEND_MEMORY_MIB } from '../../constructs/resend-function.ts';
import { PRICES } from '../cost.ts';
import { type PipelineMetrics, sumOf } from '../metrics.ts';
import { KEY_OLD_DAYS } from '../thresholds.ts';
import type { DashboardProps } from './dashboard-props.ts';
import { COLOURS, type Line } from './widgets.ts';

/** For finding a cause: functions, queues and tables, lost responses of SES, and costs. */
export function machineRoomDashboard(props: DashboardProps): IWidget[][] {
  return [[introduction(props)], functions(props), unknownOutcomes(props), stores(props), upkeep(props)];
}

function introduction({ widgets, settings, links }: DashboardProps): IWidget {
  return widgets.text(
    [
      `# Machine room (${settings.project}, ${settings.stage})`,
      '**What broke?** Functions that fail, tables that throttle, lost responses of SES, and what it all costs.',
      `What to do: \`mailctl doctor\`, then ${links.runbook}. More: ` + `${links.mail}, ${links.reputation}.`,
    ].join('\n\n'),
    3,
  );
}

const FUNCTIONS = ['resend', 'feedback', 'account-metrics'] as const;
const FUNCTION_COLOURS = {
  resend: COLOURS.fallback,
  feedback: COLOURS.ses,
  'account-metrics': COLOURS.neutral,
};

function functions({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const invocations = FUNCTIONS.map((name): Line => {
    return { label: name, color: FUNCTION_COLOURS[name], of: m.invocations(name) };
  });
  const failures: Line[] = [
    { label: 'resend failed', color: COLOURS.harm, of: m.errors('resend') },
    { label: 'feedback failed', color: COLOURS.slightHarm, of: m.errors('feedback') },
    { label: 'account-metrics failed', color: COLOURS.neutral, of: m.errors('account-metrics') },
    { label: 'resend throttled', color: COLOURS.warning, of: m.throttles('resend') },
    { label: 'feedback throttled', color: COLOURS.fallback, of: m.throttles('feedback') },
  ];
  const durations = FUNCTIONS.map((name): Line => {
    const of = m.duration(name, 'Maximum');
    return { label: name, color: FUNCTION_COLOURS[name], of, expression: 'm / 1000' };
  });
  return [
    widgets.graph({ title: 'Invocations', width: 8, lines: invocations, axis: 'count / 5 min' }),
    widgets.graph({ title: 'Invocations that failed', width: 8, lines: failures, axis: 'count / 5 min' }),
    widgets.graph({ title: 'The longest invocation', width: 8, lines: durations, axis: 'seconds' }),
  ];
}

function unknownOutcomes({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const settled = METRICS.UnknownOutcomesResolved.by.values.map((cause): Line => {
    return {
      label: SETTLED[cause].label,
      color: SETTLED[cause].color,
      of: m.own('UnknownOutcomesResolved', 'Sum', cause),
    };
  });
  const lost: Line = { label: 'responses lost', color: COLOURS.harm, of: m.own('UnknownOutcomes', 'Sum') };
  const duplicates: Line[] = [
    { label: 'prevented', color: COLOURS.good, of: m.own('DuplicatesPrevented', 'Sum') },
    { label: 'sent twice', color: COLOURS.harm, of: m.own('SentTwice', 'Sum') },
  ];
  const events: Line[] = [
    { label: 'unreadable', color: COLOURS.harm, of: m.own('EventsUnreadable', 'Sum') },
    { label: 'not delivered by SNS', color: COLOURS.warning, of: m.eventsNotDelivered() },
  ];
  const place = { width: 8, axis: 'count / 5 min' };
  return [
    widgets.graph({ ...place, title: 'Lost responses of SES', lines: [lost, ...settled] }),
    widgets.graph({ ...place, title: 'Duplicates', lines: duplicates }),
    widgets.graph({ ...place, title: 'Events that were not applied', lines: events }),
  ];
}

/** How an unknown outcome was resolved. */
const SETTLED = {
  event: { label: 'by an event', color: COLOURS.good },
  'sent-again': { label: 'sent again', color: COLOURS.warning },
  parked: { label: 'dead letter', color: COLOURS.neutral },
} as const satisfies Record<(typeof METRICS.UnknownOutcomesResolved.by.values)[number], object>;

function stores({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const units: Line[] = [
    { label: 'ledger, writes', color: COLOURS.fallback, of: m.writeUnits('ledger') },
    { label: 'ledger, reads', color: COLOURS.ses, of: m.readUnits('ledger') },
  ];
  const throttles: Line[] = [
    { label: 'ledger, writes', color: COLOURS.harm, of: m.writeThrottles('ledger') },
    { label: 'ledger, reads', color: COLOURS.slightHarm, of: m.readThrottles('ledger') },
    { label: 'suppression list, writes', color: COLOURS.warning, of: m.writeThrottles('suppression') },
    { label: 'suppression list, reads', color: COLOURS.fallback, of: m.readThrottles('suppression') },
  ];
  const waiting: Line[] = [
    { label: 'events', color: COLOURS.ses, of: m.waiting('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.waiting('receipts') },
  ];
  const sent: Line[] = [
    { label: 'normal mail', color: COLOURS.fallback, of: m.sentTo('fallback') },
    { label: 'events', color: COLOURS.ses, of: m.sentTo('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.sentTo('receipts') },
  ];
  return [
    widgets.graph({ title: 'Messages sent to the queues', width: 6, lines: sent, axis: 'messages / 5 min' }),
    widgets.graph({ title: 'Waiting events and receipts', width: 6, lines: waiting, axis: 'messages' }),
    widgets.graph({ title: 'DynamoDB units of the ledger', width: 6, lines: units, axis: 'units / 5 min' }),
    widgets.graph({ title: 'Throttled by DynamoDB', width: 6, lines: throttles, axis: 'count / 5 min' }),
  ];
}

function upkeep(props: DashboardProps): IWidget[] {
  const { widgets, metrics: m } = props;
  const age: Line = { label: 'days', color: COLOURS.neutral, of: m.own('KeyAgeDays', 'Maximum') };
  return [
    costGraph(props, 16),
    widgets.graph({
      title: "Age of the API's access key",
      width: 8,
      lines: [age],
      axis: 'days',
      periodMinutes: 60,
      marks: [{ label: 'key-old', value: KEY_OLD_DAYS, kind: 'alarm' }],
    }),
  ];
}

/** A message is sent, received and deleted: at most three requests, fewer in batches. */
const REQUESTS_OF_MESSAGE = 3;

const GIBIBYTE_MIB = 1024;
const SECOND_MS = 1000;

/**
 * The approximate cost of an hour, by list price and without free tiers. What costs next to nothing is left out: the
 * account-metrics function, logs, S3 and SNS.
 */
function costGraph({ widgets, metrics }: DashboardProps, width: number): IWidget {
  const lines = [sesCost(metrics), lambdaCost(metrics), sqsCost(metrics), dynamoDbCost(metrics)];
  return widgets.graph({
    title: 'Approximate cost, by list price',
    width,
    lines,
    axis: 'US dollars / hour',
    periodMinutes: 60,
    stacked: true,
  });
}

function sesCost(m: PipelineMetrics): Line {
  return {
    label: 'SES',
    color: COLOURS.ses,
    of: { mails: m.own('Resent', 'Sum'), bytes: m.own('ResentBytes', 'Sum') },
    expression: `FILL(mails, 0) * ${price(PRICES.ses.mail)} + FILL(bytes, 0) * ${price(PRICES.ses.gigabyte / 1e9)}`,
  };
}

function lambdaCost(m: PipelineMetrics): Line {
  const perMs = (memoryMib: number) =>
    price(((memoryMib / GIBIBYTE_MIB) * PRICES.lambda.gibibyteSecond) / SECOND_MS);
  return {
    label: 'Lambda',
    color: COLOURS.fallback,
    of: {
      resent: m.duration('resend', 'Sum'),
      fed: m.duration('feedback', 'Sum'),
      calls1: m.invocations('resend'),
      calls2: m.invocations('feedback'),
    },
    expression: [
      `FILL(resent, 0) * ${perMs(RESEND_MEMORY_MIB)}`,
      `FILL(fed, 0) * ${perMs(FEEDBACK_MEMORY_MIB)}`,
      `(FILL(calls1, 0) + FILL(calls2, 0)) * ${price(PRICES.lambda.request)}`,
    ].join(' + '),
  };
}

function sqsCost(m: PipelineMetrics): Line {
  const request = PRICES.sqs.request;
  return {
    label: 'SQS',
    color: COLOURS.smtp,
    of: {
      s1: m.sentTo('fallback'),
      s2: m.sentTo('feedback'),
      s3: m.sentTo('receipts'),
      s4: m.sentTo('urgent'),
      e1: m.emptyReceives('fallback'),
      e2: m.emptyReceives('feedback'),
      e3: m.emptyReceives('receipts'),
      // Lambda polls an empty queue as often as the others.
      e4: m.emptyReceives('urgent'),
      e5: m.emptyReceives('held'),
    },
    expression:
      `${sumOf('s1', 's2', 's3', 's4')} * ${price(REQUESTS_OF_MESSAGE * request)} + ` +
      `${sumOf('e1', 'e2', 'e3', 'e4', 'e5')} * ${price(request)}`,
  };
}

function dynamoDbCost(m: PipelineMetrics): Line {
  const { writeUnit, readUnit } = PRICES.dynamoDb;
  return {
    label: 'DynamoDB',
    color: COLOURS.neutral,
    of: {
      w1: m.writeUnits('ledger'),
      w2: m.writeUnits('suppression'),
      r1: m.readUnits('ledger'),
      r2: m.readUnits('suppression'),
    },
    expression:
      `(FILL(w1, 0) + FILL(w2, 0)) * ${price(writeUnit)} + ` +
      `(FILL(r1, 0) + FILL(r2, 0)) * ${price(readUnit)}`,
  };
}

/** Metric math has no exponents. */
function price(dollars: number): string {
  return dollars.toFixed(15).replace(/0+$/, '');
}

import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../../message/metrics.ts';
import { KEY_OLD_DAYS } from '../thresholds.ts';
import { COLOURS } from './colours.ts';
import { costGraph } from './cost-graph.ts';
import type { DashboardProps } from './dashboard-props.ts';
import type { Line } from './line.ts';

/** For whoever looks for a cause: functions, queues and tables, what was in doubt, and what it costs. */
export function machineRoomDashboard(props: DashboardProps): IWidget[][] {
  return [[introduction(props)], functions(props), doubts(props), stores(props), upkeep(props)];
}

function introduction({ widgets, settings, links }: DashboardProps): IWidget {
  return widgets.text(
    [
      `# Machine room (${settings.project}, ${settings.stage})`,
      '**What broke?** Functions that fail, tables that throttle, answers of SES that were lost, and what it all costs.',
      `What to do: \`mailctl doctor\`, then ${links.runbook}. More: ` + `${links.mail}, ${links.reputation}.`,
    ].join('\n\n'),
    3,
  );
}

const FUNCTIONS = ['resend', 'feedback', 'watch'] as const;
const FUNCTION_COLOURS = { resend: COLOURS.fallback, feedback: COLOURS.ses, watch: COLOURS.neutral };

function functions({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const invocations = FUNCTIONS.map((name): Line => {
    return { label: name, color: FUNCTION_COLOURS[name], of: m.invocations(name) };
  });
  const failures: Line[] = [
    { label: 'resend failed', color: COLOURS.harm, of: m.errors('resend') },
    { label: 'feedback failed', color: COLOURS.slightHarm, of: m.errors('feedback') },
    { label: 'watch failed', color: COLOURS.neutral, of: m.errors('watch') },
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

function doubts({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const settled = METRICS.LostAnswersSettled.by.values.map((cause): Line => {
    return {
      label: SETTLED[cause].label,
      color: SETTLED[cause].color,
      of: m.own('LostAnswersSettled', 'Sum', cause),
    };
  });
  const lost: Line = { label: 'answers lost', color: COLOURS.harm, of: m.own('AnswersLost', 'Sum') };
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
    widgets.graph({ ...place, title: 'Answers of SES that were lost', lines: [lost, ...settled] }),
    widgets.graph({ ...place, title: 'Duplicates', lines: duplicates }),
    widgets.graph({ ...place, title: 'Events that were not applied', lines: events }),
  ];
}

/** How it became known, or was decided, what a lost answer had been. */
const SETTLED = {
  event: { label: 'an event told', color: COLOURS.good },
  'sent-again': { label: 'sent again', color: COLOURS.warning },
  parked: { label: 'parked', color: COLOURS.neutral },
} as const satisfies Record<(typeof METRICS.LostAnswersSettled.by.values)[number], object>;

function stores({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const units: Line[] = [
    { label: 'ledger, writes', color: COLOURS.fallback, of: m.writeUnits('ledger') },
    { label: 'ledger, reads', color: COLOURS.ses, of: m.readUnits('ledger') },
    { label: 'suppression list, writes', color: COLOURS.neutral, of: m.writeUnits('suppression') },
    { label: 'suppression list, reads', color: COLOURS.pale, of: m.readUnits('suppression') },
  ];
  const throttles: Line[] = [
    { label: 'ledger, writes', color: COLOURS.harm, of: m.writeThrottles('ledger') },
    { label: 'ledger, reads', color: COLOURS.slightHarm, of: m.readThrottles('ledger') },
    { label: 'suppression list, writes', color: COLOURS.warning, of: m.writeThrottles('suppression') },
    { label: 'suppression list, reads', color: COLOURS.fallback, of: m.readThrottles('suppression') },
  ];
  const sent: Line[] = [
    { label: 'mail', color: COLOURS.fallback, of: m.sentTo('fallback') },
    { label: 'events', color: COLOURS.ses, of: m.sentTo('feedback') },
    { label: 'receipts', color: COLOURS.neutral, of: m.sentTo('receipts') },
  ];
  return [
    widgets.graph({ title: 'Into the queues', width: 8, lines: sent, axis: 'messages / 5 min' }),
    widgets.graph({ title: 'Units of DynamoDB', width: 8, lines: units, axis: 'units / 5 min' }),
    widgets.graph({ title: 'Throttled by DynamoDB', width: 8, lines: throttles, axis: 'count / 5 min' }),
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

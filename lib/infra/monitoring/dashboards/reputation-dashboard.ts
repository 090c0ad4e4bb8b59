import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../../domain/metrics.ts';
import { QUOTA_NEAR_PERCENT, REPUTATION } from '../thresholds.ts';
import type { DashboardProps } from './dashboard-props.ts';
import type { Line, Mark } from './widgets.ts';
import { COLOURS } from './widgets.ts';

/** What may make AWS review or pause the account. */
export function reputationDashboard(props: DashboardProps): IWidget[][] {
  return [[introduction(props)], bigNumbers(props), rates(props), statuses(props), suppression(props)];
}

function introduction({ widgets, settings, links }: DashboardProps): IWidget {
  return widgets.text(
    [
      `# Reputation (${settings.project}, ${settings.stage})`,
      '**May we go on sending?** AWS measures the rates of the whole account, all stages together: it reviews the account ' +
        'above the first line and pauses sending above the second.',
      `What to do: \`mailctl suppression ls\`, then ${links.runbook}. More: ` +
        `${links.mail}, ${links.machineRoom}.`,
    ].join('\n\n'),
    3,
  );
}

function bigNumbers({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const rate = { periodMinutes: 60, over: 'latest', width: 8 } as const;
  const account = { over: 'latest', width: 16 } as const;
  return [
    widgets.numbers({
      ...rate,
      title: 'Rates of the account',
      lines: [
        { label: 'Bounces, %', of: m.bounceRate(), expression: 'm * 100', color: COLOURS.harm },
        { label: 'Complaints, %', of: m.complaintRate(), expression: 'm * 100', color: COLOURS.warning },
      ],
    }),
    widgets.numbers({
      ...account,
      title: 'The account, now',
      lines: [
        { label: 'Quota used, %', of: m.own('QuotaUsed', 'Maximum'), color: COLOURS.ses },
        { label: 'Mails allowed in 24 h', of: m.own('QuotaLimit', 'Maximum'), color: COLOURS.neutral },
        { label: 'Sending is paused', of: m.own('SendingPaused', 'Maximum'), color: COLOURS.harm },
        { label: 'Suppressed', of: m.own('SuppressionEntries', 'Maximum'), color: COLOURS.neutral },
      ],
    }),
  ];
}

function rates({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const place = { width: 12, axis: '% of mail', periodMinutes: 60 };
  const percent = { expression: 'm * 100', color: COLOURS.harm };
  return [
    widgets.graph({
      ...place,
      title: 'Hard bounces',
      lines: [{ label: 'bounce rate', of: m.bounceRate(), ...percent }],
      marks: marksOf(REPUTATION.bounce),
    }),
    widgets.graph({
      ...place,
      title: 'Complaints',
      lines: [{ label: 'complaint rate', of: m.complaintRate(), ...percent }],
      marks: marksOf(REPUTATION.complaint),
    }),
  ];
}

function marksOf({ alarm, review, pause }: Readonly<Record<Mark['kind'], number>>): Mark[] {
  return [
    { label: `alarm, ${percentOf(alarm)} %`, value: percentOf(alarm), kind: 'alarm' },
    { label: `AWS reviews, ${percentOf(review)} %`, value: percentOf(review), kind: 'review' },
    { label: `AWS pauses, ${percentOf(pause)} %`, value: percentOf(pause), kind: 'pause' },
  ];
}

/** Without the digits of binary fractions. */
function percentOf(share: number): number {
  return Number((share * 100).toPrecision(3));
}

function statuses({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const bad: Line[] = [
    { label: 'hard bounce', of: m.own('Bounced', 'Sum', 'hard'), color: COLOURS.harm },
    { label: 'soft bounce', of: m.own('Bounced', 'Sum', 'soft'), color: COLOURS.slightHarm },
    { label: 'complaint', of: m.own('Complained', 'Sum'), color: COLOURS.warning },
  ];
  const quota: Line[] = [{ label: 'used', of: m.own('QuotaUsed', 'Maximum'), color: COLOURS.ses }];
  return [
    widgets.graph({
      title: 'Bounces and complaints',
      width: 12,
      lines: bad,
      axis: 'recipients / 15 min',
      periodMinutes: 15,
      stacked: true,
    }),
    widgets.graph({
      title: '24-hour quota',
      width: 12,
      lines: quota,
      axis: '% used',
      periodMinutes: 15,
      marks: [{ label: 'quota-near', value: QUOTA_NEAR_PERCENT, kind: 'alarm' }],
    }),
  ];
}

function suppression({ widgets, metrics: m }: DashboardProps): IWidget[] {
  const suppressed = METRICS.Suppressed.by.values.map((cause): Line => {
    return { label: cause, color: CAUSE_COLOURS[cause], of: m.own('Suppressed', 'Sum', cause) };
  });
  const held: Line = { label: 'held by the fuse', color: COLOURS.smtp, of: m.own('FuseHeld', 'Sum') };
  const entries = { label: 'entries', color: COLOURS.neutral, of: m.own('SuppressionEntries', 'Maximum') };
  return [
    widgets.graph({
      title: 'Not sent because suppressed or held',
      width: 12,
      lines: [...suppressed, held],
      axis: 'recipients / 15 min',
      periodMinutes: 15,
      stacked: true,
    }),
    widgets.graph({
      title: 'Entries of the suppression list (counted every 6 hours)',
      width: 12,
      lines: [entries],
      axis: 'entries',
      periodMinutes: 60,
    }),
  ];
}

const CAUSE_COLOURS = {
  'hard-bounce': COLOURS.harm,
  complaint: COLOURS.warning,
  'soft-bounces': COLOURS.slightHarm,
  manual: COLOURS.neutral,
} as const satisfies Record<(typeof METRICS.Suppressed.by.values)[number], string>;

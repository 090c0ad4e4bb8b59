import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { sumOf } from '../sum-of.ts';
import { COLOURS } from './colours.ts';
import type { DashboardProps } from './dashboard-props.ts';

/** What the worker itself tells: what SMTP did not take, and what waits in its rows. */
export function workerRow({ widgets, metrics: m }: DashboardProps): IWidget[] {
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
        { label: 'fate overdue', color: COLOURS.warning, of: m.own('FatesOverdue', 'Maximum') },
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

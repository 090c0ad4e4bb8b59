import type { Command } from 'commander';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { type RateReport, readRateReport } from '../lookups/rate-report.ts';
import { totalOf } from '../lookups/sending.ts';
import { age, timeAndAge } from '../terminal.ts';

const NOTES = `
The rate is that of the account, in recipients a second; the functions keep to it together, and urgent mail goes first.
The time to drain counts a message as one recipient, at the rate that is used now. Held mail is not part of it.

Exit codes: 0 mail goes out; 1 SES takes none now, or less than its quota; 2 error.

Examples:
  mailctl rate
  mailctl --stage prod --json rate | jq .data.secondsToDrain`;

/** `mailctl rate`: how fast mail goes out, and how long what waits will take. */
export function registerRate(program: Command, run: RunCommand): void {
  program
    .command('rate')
    .description('show the sending rate and quota, what waits, and how long it takes')
    .addHelpText('after', NOTES)
    .action(() => run(showRate));
}

async function showRate(context: CommandContext): Promise<ExitCode> {
  const now = new Date();
  const report = await readRateReport(context, now);
  context.terminal.result(report, () => renderRate(report, now));
  const isWell = report.outage === null && report.throttledAt === null && report.beyondDailyQuota === 0;
  return isWell ? EXIT.ok : EXIT.warning;
}

function renderRate(report: RateReport, now: Date): string {
  const { allowedPerSecond, usedPerSecond, throttledAt, outage, backlog } = report;
  const throttled =
    throttledAt === null
      ? ''
      : `; SES throttled a call ${timeAndAge(new Date(throttledAt), now)}: another sender shares the account`;
  return [
    `rate: ${rounded(usedPerSecond)} a second are used of ${allowedPerSecond} that SES allows${throttled}`,
    `24 hours: ${dayText(report)}`,
    `SES: ${outage === null ? 'no outage is known' : outageText(outage, now)}`,
    `normal mail: ${countsText(backlog.normal)}`,
    `urgent mail: ${countsText(backlog.urgent)}`,
    `held mail: ${countsText(backlog.held)}${totalOf(backlog.held) > 0 ? ' (why: mailctl fuse)' : ''}`,
    `time to drain: ${drainText(report)}`,
  ].join('\n');
}

function dayText({ perDay, sentInLastDay, reservedForUrgent }: RateReport): string {
  if (perDay === null) return `${sentInLastDay} sent, without a limit`;
  return `${sentInLastDay} of ${perDay} sent; the last ${reservedForUrgent} are for urgent mail`;
}

function outageText({ cause, since, nextProbe }: NonNullable<RateReport['outage']>, now: Date): string {
  return `takes no mail: ${cause}, since ${timeAndAge(new Date(since), now)}; next probe ${timeAndAge(new Date(nextProbe), now)}`;
}

const countsText = ({ waiting, inFlight }: QueueCounts) =>
  `${waiting} wait, ${inFlight} are in hand or wait for their next try`;

function drainText({ secondsToDrain, beyondDailyQuota }: RateReport): string {
  if (secondsToDrain === null) return 'not known while SES takes no mail';
  const text = age(new Date(0), new Date(secondsToDrain * 1000));
  return beyondDailyQuota === 0
    ? text
    : `${text} by the rate; ${beyondDailyQuota} wait until the quota of 24 hours allows them`;
}

const rounded = (rate: number) => Number(rate.toFixed(1));

import type { Command } from 'commander';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { currentRate, urgentReserve } from '../../domain/send-rate.ts';
import type { SendingState } from '../../domain/sending-state.ts';
import { isClosed, type SesOutage } from '../../domain/ses-outage.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { openSending, totalOf } from '../lookups/sending.ts';
import { type AccountState, readAccountState } from '../lookups/sending-account.ts';
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

interface Backlog {
  readonly normal: QueueCounts;
  readonly urgent: QueueCounts;
  readonly held: QueueCounts;
}

interface RateReport {
  readonly allowedPerSecond: number;
  /** Less than is allowed after SES has throttled a call, and always a little less. */
  readonly usedPerSecond: number;
  readonly throttledAt: string | null;
  /** Null if there is no limit. */
  readonly perDay: number | null;
  readonly sentInLastDay: number;
  readonly reservedForUrgent: number | null;
  readonly outage: { readonly cause: string; readonly since: string; readonly nextProbe: string } | null;
  readonly backlog: Backlog;
  /** Null while SES takes no mail: then it is not known when it will. */
  readonly secondsToDrain: number | null;
  /** Of the backlog, what the quota of 24 hours does not let out now. */
  readonly beyondDailyQuota: number;
}

async function showRate(context: CommandContext): Promise<ExitCode> {
  const { aws, terminal, signal } = context;
  const sending = await openSending(context);
  const [{ state }, account, normal, urgent, held] = await Promise.all([
    sending.state.read(),
    aws.ses().then((ses) => readAccountState(ses, signal)),
    sending.counts('normal'),
    sending.counts('urgent'),
    sending.counts('held'),
  ]);
  const now = new Date();
  const report = reportOf(state, account, { normal, urgent, held }, now);
  terminal.result(report, () => renderRate(report, now));
  const isWell = report.outage === null && report.throttledAt === null && report.beyondDailyQuota === 0;
  return isWell ? EXIT.ok : EXIT.warning;
}

/** @param account what SES says now: the state may be of the last time that there was mail */
function reportOf(
  { line, outage }: SendingState,
  { quota: { perSecond, perDay, sentInLastDay }, sendingEnabled }: AccountState,
  backlog: Backlog,
  now: Date,
): RateReport {
  const nowMs = now.getTime();
  const quota = { perSecond, usedToday: sentInLastDay, readAtMs: nowMs };
  const usedPerSecond = currentRate({ ...line, quota }, nowMs);
  const isThrottled = usedPerSecond < currentRate({ ...line, quota, throttled: undefined }, nowMs);
  const waiting = totalOf(backlog.normal) + totalOf(backlog.urgent);
  const hasLimit = perDay >= 0;
  const takesNone = isClosed(outage) || !sendingEnabled;
  return {
    allowedPerSecond: perSecond,
    usedPerSecond,
    throttledAt: isThrottled && line.throttled !== undefined ? iso(line.throttled.atMs) : null,
    perDay: hasLimit ? perDay : null,
    sentInLastDay,
    reservedForUrgent: hasLimit ? urgentReserve(perDay) : null,
    outage: isClosed(outage) ? shownOutage(outage, nowMs) : null,
    backlog,
    secondsToDrain: takesNone || usedPerSecond === 0 ? null : Math.ceil(waiting / usedPerSecond),
    beyondDailyQuota: hasLimit ? beyondQuota(backlog, perDay - sentInLastDay, urgentReserve(perDay)) : 0,
  };
}

/** The rest of the day's quota is for both, but for the reserve. */
function beyondQuota({ normal, urgent }: Backlog, left: number, reserve: number): number {
  const urgentLeft = Math.max(totalOf(urgent) - Math.max(left, 0), 0);
  const forNormal = Math.max(left - Math.max(totalOf(urgent), reserve), 0);
  return urgentLeft + Math.max(totalOf(normal) - forNormal, 0);
}

function shownOutage(
  { cause, sinceMs, probeAtMs = 0 }: SesOutage,
  nowMs: number,
): NonNullable<RateReport['outage']> {
  return { cause, since: iso(sinceMs), nextProbe: iso(Math.max(probeAtMs, nowMs)) };
}

const iso = (ms: number) => new Date(ms).toISOString();

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

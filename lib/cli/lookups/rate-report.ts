import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { currentRate, urgentReserve } from '../../domain/send-rate.ts';
import type { SendingState } from '../../domain/sending-state.ts';
import { isClosed, type SesOutage } from '../../domain/ses-outage.ts';
import type { CommandContext } from '../context.ts';
import { openSending, totalOf } from './sending.ts';
import { type AccountState, readAccountState } from './sending-account.ts';

/** What waits in SQS. */
interface Backlog {
  readonly normal: QueueCounts;
  readonly urgent: QueueCounts;
  readonly held: QueueCounts;
}

/** How fast mail goes out by SES, and how long what waits will take. */
export interface RateReport {
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

/** @throws {@link OperatorError} if the pipeline is not deployed; SDK errors */
export async function readRateReport(
  context: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>,
  now: Date,
): Promise<RateReport> {
  const { aws, signal } = context;
  const sending = await openSending(context);
  const [{ state }, account, normal, urgent, held] = await Promise.all([
    sending.state.read(),
    aws.ses().then((ses) => readAccountState(ses, signal)),
    sending.counts('normal'),
    sending.counts('urgent'),
    sending.counts('held'),
  ]);
  return reportOf(state, account, { normal, urgent, held }, now);
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

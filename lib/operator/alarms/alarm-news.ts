import type { AlarmSeverity, DeployedAlarm } from './deployed-alarm.ts';

/** What the alarms say now. */
export interface AlarmNews {
  /** Critical ones first, then those that began first. */
  readonly ringing: readonly DeployedAlarm[];
  /** Those that cannot ring, since the watch function tells them nothing. */
  readonly blind: readonly DeployedAlarm[];
  readonly quiet: readonly DeployedAlarm[];
}

/** Only the watch function knows what these are about. The others take no value for a good one. */
const TOLD_BY_WATCH = ['quota-near', 'key-old'];

/** An alarm that was just deployed has no value yet; the watch function runs each five minutes. */
const FIRST_VALUE_MS = 15 * 60 * 1000;

export function alarmNews(alarms: readonly DeployedAlarm[], now: Date): AlarmNews {
  const ringing = alarms.filter(({ state }) => state === 'ALARM').toSorted(byUrgency);
  const blind = alarms.filter((alarm) => isBlind(alarm, now));
  const quiet = alarms.filter((alarm) => !ringing.includes(alarm) && !blind.includes(alarm));
  return { ringing, blind, quiet };
}

/** `critical` where one such rings; `undefined` where all is quiet. */
export function worstOf({ ringing, blind }: AlarmNews): AlarmSeverity | undefined {
  if (ringing.some(({ severity }) => severity === 'critical')) return 'critical';
  return ringing.length > 0 || blind.length > 0 ? 'warning' : undefined;
}

function isBlind({ name, state, since }: DeployedAlarm, now: Date): boolean {
  if (state !== 'INSUFFICIENT_DATA' || !TOLD_BY_WATCH.includes(name)) return false;
  return since === undefined || now.getTime() - since.getTime() >= FIRST_VALUE_MS;
}

const RANKS: Readonly<Record<AlarmSeverity, number>> = { critical: 0, warning: 1 };

function byUrgency(one: DeployedAlarm, other: DeployedAlarm): number {
  const byRank = RANKS[one.severity] - RANKS[other.severity];
  return byRank === 0 ? (one.since?.getTime() ?? 0) - (other.since?.getTime() ?? 0) : byRank;
}

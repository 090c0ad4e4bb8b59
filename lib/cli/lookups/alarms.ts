import { type CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { alarmPrefix, type DeploymentName, monitoringNames } from '../../common/names.ts';
import { DAY_MS } from '../../common/time.ts';
import type { FixHints } from '../hints.ts';
import { age } from '../terminal.ts';

/** `critical`: mail is stuck, or about to be. `warning`: within the next working day. */
export type AlarmSeverity = 'critical' | 'warning';

/** An alarm of the deployment, with what its description says. */
export interface DeployedAlarm {
  /** As CloudWatch has it: `keybuzz-mail-prod-dead-letters`. */
  readonly fullName: string;
  /** As the runbook has it: `dead-letters`. */
  readonly name: string;
  readonly severity: AlarmSeverity;
  /** What has happened when it rings; empty where the description does not say so. */
  readonly meaning: string;
  readonly state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  /** When it came into this state. */
  readonly since: Date | undefined;
  /** CloudWatch's words, without what they say each time. */
  readonly reason: string;
  /** What mailctl is to be called with first, after the flags that name the deployment. */
  readonly first: string | undefined;
  /** A link, or a path with its heading. */
  readonly runbook: string;
  readonly actionsEnabled: boolean;
  /** The ARNs of the topics that are told, whether or not actions are enabled. */
  readonly topics: readonly string[];
}

/**
 * What CloudWatch tells of an alarm, and what its description says in lines: `[critical] …`, `First: mailctl …`,
 * `Runbook: …`. They may stand among lines that a person has added.
 *
 * @param prefix that the names of all alarms of the deployment have
 */
export function readAlarm(alarm: MetricAlarm, prefix: string): DeployedAlarm {
  const { AlarmName: fullName = '', AlarmDescription: description = '', AlarmActions = [] } = alarm;
  const name = fullName.slice(prefix.length);
  const [, severity, meaning = ''] = /^\[(critical|warning)\] (.+)/m.exec(description) ?? [];
  return {
    fullName,
    name,
    // One that somebody has made by hand says nothing of it.
    severity: severity === 'critical' ? 'critical' : 'warning',
    meaning,
    state: alarm.StateValue ?? 'INSUFFICIENT_DATA',
    // The other time moves on with each new reason.
    since: alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp,
    reason: shortReason(alarm.StateReason ?? ''),
    first: /^First: mailctl (?:--(?:stage|project|region) \S+ )*(.+)$/m.exec(description)?.[1],
    runbook: /^Runbook: (\S+)$/m.exec(description)?.[1] ?? `docs/runbook.md#${name}`,
    actionsEnabled: alarm.ActionsEnabled !== false,
    topics: AlarmActions.filter((action) => /^arn:[^:]*:sns:/.test(action)),
  };
}

const REASON_CHARACTERS = 160;

/**
 * `Threshold Crossed: 1 out of the last 1 datapoints [5.0 (01/03/26 12:00:00)] was greater than the threshold (0.0)
 * (minimum 1 datapoint for OK -> ALARM transition).` and its kin, by the numbers alone.
 */
function shortReason(reason: string): string {
  const short = reason
    .replace(/^Threshold Crossed: /, '')
    .replace(/ \(minimum \d+ datapoints? for \S+ -> \S+ transition\)/, '')
    .replace(/\.$/, '');
  return short.length <= REASON_CHARACTERS ? short : `${short.slice(0, REASON_CHARACTERS - 1)}…`;
}

/**
 * The alarms of a deployment, in the order of their names.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
 * @throws what the SDK throws
 */
export async function listAlarms(
  client: CloudWatchClient,
  deployment: DeploymentName,
  signal: AbortSignal,
): Promise<DeployedAlarm[]> {
  const prefix = alarmPrefix(deployment);
  const pages = paginateDescribeAlarms({ client }, { AlarmNamePrefix: prefix }, { abortSignal: signal });
  const alarms: DeployedAlarm[] = [];
  for await (const { MetricAlarms = [] } of pages) {
    alarms.push(...MetricAlarms.map((alarm) => readAlarm(alarm, prefix)));
  }
  return alarms;
}

/** What the alarms say now. */
export interface AlarmSummary {
  /** Critical ones first, then those that began first. */
  readonly ringing: readonly DeployedAlarm[];
  /** Those that cannot ring, since the account-metrics function tells them nothing. */
  readonly blind: readonly DeployedAlarm[];
  readonly quiet: readonly DeployedAlarm[];
}

/** Only the account-metrics function knows what these are about. The others take no value for a good one. */
const FROM_ACCOUNT_METRICS = ['quota-near', 'key-old'];

/** An alarm that was just deployed has no value yet; the account-metrics function runs each five minutes. */
const FIRST_VALUE_MS = 15 * 60 * 1000;

export function summariseAlarms(alarms: readonly DeployedAlarm[], now: Date): AlarmSummary {
  const ringing = alarms.filter(({ state }) => state === 'ALARM').toSorted(byUrgency);
  const blind = alarms.filter((alarm) => isBlind(alarm, now));
  const quiet = alarms.filter((alarm) => !ringing.includes(alarm) && !blind.includes(alarm));
  return { ringing, blind, quiet };
}

/** `critical` where one such rings; `undefined` where all is quiet. */
export function worstOf({ ringing, blind }: AlarmSummary): AlarmSeverity | undefined {
  if (ringing.some(({ severity }) => severity === 'critical')) return 'critical';
  return ringing.length > 0 || blind.length > 0 ? 'warning' : undefined;
}

function isBlind({ name, state, since }: DeployedAlarm, now: Date): boolean {
  if (state !== 'INSUFFICIENT_DATA' || !FROM_ACCOUNT_METRICS.includes(name)) return false;
  return since === undefined || now.getTime() - since.getTime() >= FIRST_VALUE_MS;
}

const RANKS: Readonly<Record<AlarmSeverity, number>> = { critical: 0, warning: 1 };

function byUrgency(one: DeployedAlarm, other: DeployedAlarm): number {
  const byRank = RANKS[one.severity] - RANKS[other.severity];
  return byRank === 0 ? (one.since?.getTime() ?? 0) - (other.since?.getTime() ?? 0) : byRank;
}

/** Why alarms cannot ring: that nothing is known is not that all is well. */
export function noDataText(blind: readonly DeployedAlarm[]): string {
  const [only, ...others] = blind.map(({ name }) => name);
  if (others.length > 0) return 'the account-metrics function is silent';
  const noKey = only === 'key-old' ? ', or the API has no active key' : '';
  return `the account-metrics function tells no value for it${noKey}`;
}

/** Where the account-metrics function says why it is silent. */
export function accountMetricsLog(deployment: DeploymentName, commands: FixHints): string {
  return commands.aws(
    `logs tail /aws/lambda/${monitoringNames(deployment).accountMetricsFunction} --since 1h`,
  );
}

/** What the alarm says to run first, about the same deployment and profile; undefined where it says nothing. */
export function firstCommandOf({ first }: DeployedAlarm, commands: FixHints): string | undefined {
  return first === undefined ? undefined : commands.mailctl(first);
}

/** `02:10 UTC (3h 5m ago)`; with the day where it is more than a day ago. */
export function sinceText(since: Date | undefined, now: Date): string {
  if (since === undefined) return 'an unknown time';
  return `${timeText(since, now)} UTC (${age(since, now)} ago)`;
}

/** `02:10`, or `2026-03-01 02:10` where it is more than a day ago. */
export function timeText(time: Date, now: Date): string {
  const [day = '', clock = ''] = time.toISOString().split('T');
  const minutes = clock.slice(0, 'hh:mm'.length);
  return now.getTime() - time.getTime() < DAY_MS ? minutes : `${day} ${minutes}`;
}

import { type CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { alarmPrefix, type DeploymentName, monitoringNames } from '../../common/names.ts';
import { DAY_MS } from '../../common/time.ts';
import type { FixHints } from '../hints.ts';
import { age } from '../terminal.ts';

/** `critical`: mail is stuck, or about to be. `warning`: handle within the next working day. */
export type AlarmSeverity = 'critical' | 'warning';

/** An alarm of the deployment, with the fields of its description. */
export interface DeployedAlarm {
  /** Its name in CloudWatch: `keybuzz-mail-prod-dead-letters`. */
  readonly fullName: string;
  /** Its name in the runbook: `dead-letters`. */
  readonly name: string;
  readonly severity: AlarmSeverity;
  /** What it means when it fires; empty if the description has no such line. */
  readonly meaning: string;
  readonly state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  /** When it entered this state. */
  readonly since: Date | undefined;
  /** CloudWatch's state reason, without its boilerplate. */
  readonly reason: string;
  /** The first mailctl command to run, without the flags that name the deployment. */
  readonly first: string | undefined;
  /** A link, or a path with an anchor. */
  readonly runbook: string;
  readonly actionsEnabled: boolean;
  /** The ARNs of the topics it notifies, whether or not actions are enabled. */
  readonly topics: readonly string[];
}

/**
 * Reads an alarm and the lines of its description: `[critical] …`, `First: mailctl …`, `Runbook: …`. Ignores
 * other lines, which may have been added by hand.
 *
 * @param prefix of the names of all alarms of the deployment
 */
export function readAlarm(alarm: MetricAlarm, prefix: string): DeployedAlarm {
  const { AlarmName: fullName = '', AlarmDescription: description = '', AlarmActions = [] } = alarm;
  const name = fullName.slice(prefix.length);
  const [, severity, meaning = ''] = /^\[(critical|warning)\] (.+)/m.exec(description) ?? [];
  return {
    fullName,
    name,
    // An alarm created by hand has no severity in its description.
    severity: severity === 'critical' ? 'critical' : 'warning',
    meaning,
    state: alarm.StateValue ?? 'INSUFFICIENT_DATA',
    // StateUpdatedTimestamp also changes with each new reason.
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
 * `Threshold Crossed: 1 out of the last 1 datapoints [5.0 (01/03/26 12:00:00)] was greater than the threshold
 * (0.0) (minimum 1 datapoint for OK -> ALARM transition).` and similar, shortened to the numbers.
 */
function shortReason(reason: string): string {
  const short = reason
    .replace(/^Threshold Crossed: /, '')
    .replace(/ \(minimum \d+ datapoints? for \S+ -> \S+ transition\)/, '')
    .replace(/\.$/, '');
  return short.length <= REASON_CHARACTERS ? short : `${short.slice(0, REASON_CHARACTERS - 1)}…`;
}

/**
 * The alarms of a deployment, sorted by name.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
 * @throws SDK errors
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

/** The alarms of a deployment by their current state. */
export interface AlarmSummary {
  /** Critical first, then the oldest. */
  readonly ringing: readonly DeployedAlarm[];
  /** Those that cannot fire, because the account-metrics function publishes no data for them. */
  readonly blind: readonly DeployedAlarm[];
  readonly quiet: readonly DeployedAlarm[];
}

/** Only the account-metrics function publishes the metrics of these. The others treat missing data as OK. */
const FROM_ACCOUNT_METRICS = ['quota-near', 'key-old'];

/** A newly deployed alarm has no data yet; the account-metrics function runs every five minutes. */
const FIRST_VALUE_MS = 15 * 60 * 1000;

export function summariseAlarms(alarms: readonly DeployedAlarm[], now: Date): AlarmSummary {
  const ringing = alarms.filter(({ state }) => state === 'ALARM').toSorted(byUrgency);
  const blind = alarms.filter((alarm) => isBlind(alarm, now));
  const quiet = alarms.filter((alarm) => !ringing.includes(alarm) && !blind.includes(alarm));
  return { ringing, blind, quiet };
}

/** `critical` if a critical alarm fires; `undefined` if all alarms are quiet. */
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

/** Why alarms cannot fire: missing data does not mean that all is well. */
export function noDataText(blind: readonly DeployedAlarm[]): string {
  const [only, ...others] = blind.map(({ name }) => name);
  if (others.length > 0) return 'the account-metrics function is silent';
  const noKey = only === 'key-old' ? ', or the API has no active key' : '';
  return `the account-metrics function publishes no value for it${noKey}`;
}

/** The command that shows the log of the account-metrics function, which says why it publishes no data. */
export function accountMetricsLog(deployment: DeploymentName, commands: FixHints): string {
  return commands.aws(
    `logs tail /aws/lambda/${monitoringNames(deployment).accountMetricsFunction} --since 1h`,
  );
}

/** The alarm's first command, for the same deployment and profile; undefined if it names none. */
export function firstCommandOf({ first }: DeployedAlarm, commands: FixHints): string | undefined {
  return first === undefined ? undefined : commands.mailctl(first);
}

/** `02:10 UTC (3h 5m ago)`; with the date if it is more than a day ago. */
export function sinceText(since: Date | undefined, now: Date): string {
  if (since === undefined) return 'an unknown time';
  return `${timeText(since, now)} UTC (${age(since, now)} ago)`;
}

/** `02:10`, or `2026-03-01 02:10` if it is more than a day ago. */
export function timeText(time: Date, now: Date): string {
  const [day = '', clock = ''] = time.toISOString().split('T');
  const minutes = clock.slice(0, 'hh:mm'.length);
  return now.getTime() - time.getTime() < DAY_MS ? minutes : `${day} ${minutes}`;
}

import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';

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

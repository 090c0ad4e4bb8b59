import type { MetricSpec } from './pipeline-metrics.ts';

/** `critical`: mail is stuck, or about to be; look now. `warning`: look within the next working day. */
type Severity = 'critical' | 'warning';

/** All that is to be said of one alarm. */
export interface AlarmDefinition {
  /** Also the heading in the runbook. */
  readonly name: string;
  readonly severity: Severity;

  /** What has happened when it rings, in one sentence for somebody who was asleep. */
  readonly meaning: string;

  /** When it rings, in words; a subordinate clause, as in "Rings when …". */
  readonly when: string;

  /** Why then, and not earlier or later; a subordinate clause, as in "because …". */
  readonly because: string;

  /** What to type first: the arguments of mailctl. */
  readonly first: string;

  /** On which dashboard one sees it. */
  readonly dashboard: 'mail' | 'reputation' | 'machineRoom';

  /** What is looked at, each by the id that the expression knows it by. */
  readonly metrics: Readonly<Record<string, MetricSpec>>;

  /** Metric math over the ids. @default - the only metric */
  readonly expression?: string;

  readonly comparison: '>=' | '>' | '<';
  readonly threshold: number;
  readonly periodMinutes: number;

  /** How many periods are looked at, and how many of them must be beyond the threshold. */
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;

  readonly missingData: 'missing' | 'ignore' | 'breaching' | 'notBreaching';

  /** Whether it is told, too, that there is no data any more. @default false */
  readonly tellsOfMissingData?: boolean;
}

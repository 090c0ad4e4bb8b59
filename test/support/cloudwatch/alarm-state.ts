import type { AlarmDefinition, Comparison } from './alarm-definition.ts';
import type { Points } from './math-value.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** The parts of an alarm that decide its state. */
export type AlarmRule = Pick<
  AlarmDefinition,
  'evaluationPeriods' | 'datapointsToAlarm' | 'comparison' | 'threshold' | 'treatMissing'
>;

/**
 * The number of periods that an alarm reads: more than it evaluates, to find points in place of missing ones.
 * AWS does not document how many more; in its examples, it is five for three.
 */
export function evaluationRange({ evaluationPeriods }: Pick<AlarmRule, 'evaluationPeriods'>): number {
  return evaluationPeriods + 2;
}

/**
 * The state of an alarm after the points of its evaluation range, the oldest first.
 *
 * @param current the previous state
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function stateOf(range: Points, rule: AlarmRule, current: AlarmState): AlarmState {
  const seen = range.filter((value) => value !== undefined);
  const evaluated = seen.slice(-rule.evaluationPeriods);
  const breaching = evaluated.filter((value) => isBreaching(value, rule)).length;
  if (breaching >= rule.datapointsToAlarm) return 'ALARM';
  const filled = rule.evaluationPeriods - evaluated.length;
  if (filled === 0) return 'OK';
  switch (rule.treatMissing) {
    case 'notBreaching':
      return 'OK';
    case 'breaching':
      return breaching + filled >= rule.datapointsToAlarm ? 'ALARM' : 'OK';
    case 'ignore':
      return breaching < evaluated.length ? 'OK' : current;
    case 'missing':
      if (breaching < evaluated.length) return 'OK';
      return breachesForLong(range, rule) ? 'ALARM' : 'INSUFFICIENT_DATA';
  }
}

export function isBreaching(
  value: number,
  { comparison, threshold }: Pick<AlarmRule, 'comparison' | 'threshold'>,
) {
  return BREACHES[comparison](value, threshold);
}

const BREACHES: Readonly<Record<Comparison, (value: number, threshold: number) => boolean>> = {
  GreaterThanThreshold: (value, threshold) => value > threshold,
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

/**
 * If only breaching points were seen, and the first of them is as old as it takes to ring, missing data since
 * then does not prevent the alarm. A younger one waits: the next point may be OK.
 */
function breachesForLong(range: Points, { datapointsToAlarm }: AlarmRule): boolean {
  const oldest = range.findIndex((value) => value !== undefined);
  return oldest >= 0 && range.length - oldest >= datapointsToAlarm;
}

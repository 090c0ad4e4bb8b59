/** What somebody might change in the template of an alarm, by mistake. */
export interface PlantedChange {
  readonly alarm: string;
  readonly change: Readonly<Record<string, unknown>>;
}

/** Each alarm too easy to ring and too hard to; some that would ring again and again. */
export const PLANTED: readonly PlantedChange[] = [
  { alarm: 'fallback-in-use', change: { Threshold: 1000 } },
  { alarm: 'fallback-in-use', change: { DatapointsToAlarm: 1 } },
  { alarm: 'fallback-in-use', change: { DatapointsToAlarm: 6 } },
  { alarm: 'fallback-in-use', change: { EvaluationPeriods: 6 } },
  { alarm: 'mail-waiting', change: { Threshold: 600 } },
  { alarm: 'mail-waiting', change: { Threshold: 86_400 } },
  { alarm: 'mail-waiting', change: { EvaluationPeriods: 3 } },
  { alarm: 'urgent-waiting', change: { Threshold: 30 } },
  { alarm: 'urgent-waiting', change: { Threshold: 3_600 } },
  { alarm: 'urgent-waiting', change: { DatapointsToAlarm: 1 } },
  { alarm: 'mail-held', change: { Threshold: 0 } },
  { alarm: 'mail-held', change: { Threshold: 2 } },
  { alarm: 'dead-letters', change: { Threshold: -1 } },
  { alarm: 'dead-letters', change: { Threshold: 10 } },
  { alarm: 'dead-letters', change: { EvaluationPeriods: 1 } },
  { alarm: 'functions-failing', change: { DatapointsToAlarm: 1 } },
  { alarm: 'functions-failing', change: { DatapointsToAlarm: 6 } },
  { alarm: 'functions-failing', change: { Threshold: 100 } },
  { alarm: 'feedback-stuck', change: { Threshold: 60 } },
  { alarm: 'feedback-stuck', change: { Threshold: 36_000 } },
  { alarm: 'feedback-stuck', change: { EvaluationPeriods: 1 } },
  { alarm: 'receipts-unread', change: { Threshold: 60 } },
  { alarm: 'receipts-unread', change: { Threshold: 86_400 } },
  { alarm: 'events-missing', change: { Threshold: 2 } },
  { alarm: 'events-missing', change: { ComparisonOperator: 'GreaterThanOrEqualToThreshold', Threshold: 0 } },
  { alarm: 'queue-near-limit', change: { Threshold: 50_000 } },
  { alarm: 'queue-near-limit', change: { Threshold: 110_000 } },
  { alarm: 'receipts-left', change: { DatapointsToAlarm: 1 } },
  { alarm: 'receipts-left', change: { Threshold: 2 } },
  { alarm: 'unusual-volume', change: { Threshold: 1_000 } },
  { alarm: 'unusual-volume', change: { Threshold: 50_000 } },
  { alarm: 'quota-near', change: { Threshold: 70 } },
  { alarm: 'quota-near', change: { Threshold: 95 } },
  { alarm: 'quota-near', change: { TreatMissingData: 'notBreaching' } },
  { alarm: 'bounce-rate', change: { Threshold: 0.01 } },
  { alarm: 'bounce-rate', change: { Threshold: 0.09 } },
  { alarm: 'bounce-rate', change: { TreatMissingData: 'notBreaching' } },
  { alarm: 'complaint-rate', change: { Threshold: 0.0001 } },
  { alarm: 'complaint-rate', change: { Threshold: 0.004 } },
  { alarm: 'key-old', change: { Threshold: 30 } },
  { alarm: 'key-old', change: { Threshold: 365 } },
  { alarm: 'key-old', change: { ComparisonOperator: 'GreaterThanOrEqualToThreshold' } },
  { alarm: 'sending-paused', change: { Threshold: 2 } },
  { alarm: 'ses-throttled', change: { DatapointsToAlarm: 1 } },
  { alarm: 'ses-throttled', change: { Threshold: 10 } },
  { alarm: 'sent-twice', change: { Threshold: 10 } },
  { alarm: 'table-throttled', change: { DatapointsToAlarm: 1 } },
  { alarm: 'worker-silent', change: { Threshold: 0 } },
  { alarm: 'worker-silent', change: { EvaluationPeriods: 24, DatapointsToAlarm: 24 } },
  { alarm: 'outbox-old', change: { Threshold: 60 } },
  { alarm: 'outbox-old', change: { Threshold: 36_000 } },
  { alarm: 'status-overdue', change: { Threshold: 2 } },
];

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Properties: Record<string, unknown> }>>;
}

/**
 * A copy of a template in which one alarm is changed.
 *
 * @throws Error where there is no such alarm
 */
export function planted(template: object, { alarm, change }: PlantedChange): object {
  const copy = structuredClone(template) as Template;
  const found = Object.values(copy.Resources).find(({ Properties }) =>
    String(Properties?.AlarmName).endsWith(`-dev-${alarm}`),
  );
  if (found === undefined) throw new Error(`there is no alarm ${alarm}`);
  Object.assign(found.Properties, change);
  return copy;
}

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { alarmsOf } from '../../../support/cloudwatch/alarm-definition.ts';
import type { Recording } from '../../../support/cloudwatch/recording.ts';
import { synthesise } from '../../synthesise.ts';
import { SCENARIOS, type Scenario, surprisesIn } from './expected-rings.ts';
import { type PlantedChange, planted } from './planted-alarms.ts';

const template = synthesise({
  alarms: 'all',
  accountMonitoring: 'dev',
  workerMetrics: 'true',
}).monitoring.toJSON();
const alarms = alarmsOf(template);

/** A run of the whole pipeline on one machine, with its faults; see `npm run dashboards -- --help`. */
function recordingOf(scenario: Scenario): Recording {
  return JSON.parse(readFileSync(new URL(`../../../recordings/${scenario}.json`, import.meta.url), 'utf8'));
}

/** Wrong thresholds, and the run in which they must be noticed. */
const WRONG: readonly (PlantedChange & { readonly scenario: Scenario })[] = [
  { scenario: 'healthy-day', alarm: 'fallback-in-use', change: { DatapointsToAlarm: 1 } },
  { scenario: 'outage', alarm: 'fallback-in-use', change: { Threshold: 1_000_000 } },
  { scenario: 'outage', alarm: 'fallback-in-use', change: { Threshold: 0 } },
  { scenario: 'healthy-day', alarm: 'dead-letters', change: { Threshold: -1 } },
  { scenario: 'outage', alarm: 'dead-letters', change: { Threshold: 100 } },
  { scenario: 'healthy-day', alarm: 'mail-waiting', change: { Threshold: 0 } },
  { scenario: 'healthy-day', alarm: 'feedback-stuck', change: { Threshold: 0 } },
  { scenario: 'healthy-day', alarm: 'functions-failing', change: { Threshold: 0 } },
  { scenario: 'healthy-day', alarm: 'receipts-unread', change: { Threshold: 0 } },
  { scenario: 'dead-worker', alarm: 'receipts-unread', change: { Threshold: 1_000_000 } },
  { scenario: 'dead-worker', alarm: 'worker-silent', change: { Threshold: 0 } },
  { scenario: 'healthy-day', alarm: 'worker-silent', change: { Threshold: 1_000_000 } },
  { scenario: 'bounce-storm', alarm: 'bounce-rate', change: { Threshold: 1 } },
  { scenario: 'bounce-storm', alarm: 'complaint-rate', change: { Threshold: 1 } },
];

describe('the alarms over recorded runs', () => {
  it.each(SCENARIOS)('ring where they should, and nowhere else: %s', (scenario) => {
    expect(surprisesIn(scenario, recordingOf(scenario), alarms)).toEqual([]);
  });

  it.each(WRONG)('would be noticed in $scenario: $alarm with $change', ({ scenario, ...change }) => {
    const changed = alarmsOf(planted(template, change));
    const surprises = surprisesIn(scenario, recordingOf(scenario), changed);
    expect(surprises).toEqual([expect.stringContaining(change.alarm)]);
  });
});

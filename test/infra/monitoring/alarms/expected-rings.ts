import type { AlarmDefinition } from '../../../support/cloudwatch/alarm-definition.ts';
import type { Recording } from '../../../support/cloudwatch/recording.ts';
import { replay } from '../../../support/cloudwatch/replay.ts';

export const SCENARIOS = ['healthy-day', 'outage', 'bounce-storm', 'dead-worker'] as const;

export type Scenario = (typeof SCENARIOS)[number];

/** Which alarms ring in a recorded run. Those that are not named here must stay quiet. */
interface Expectation {
  readonly rings: readonly string[];

  /** Ring once, and are over before the run ends. */
  readonly once?: readonly string[];

  /** Depend on how the run went. */
  readonly may?: readonly string[];
}

const EXPECTED: Readonly<Record<Scenario, Expectation>> = {
  'healthy-day': { rings: [] },
  outage: {
    rings: ['fallback-in-use', 'dead-letters'],
    once: ['fallback-in-use'],
    // The sandbox of the double allows 200 mails a day.
    may: ['quota-near'],
  },
  'bounce-storm': {
    rings: ['fallback-in-use', 'bounce-rate', 'complaint-rate'],
    may: ['quota-near'],
  },
  'dead-worker': {
    rings: ['fallback-in-use', 'receipts-unread', 'worker-silent'],
    may: ['quota-near'],
  },
};

/** What an alarm did in a recorded run that it should not have done, or did not do; nothing where all is well. */
export function surprisesIn(
  scenario: Scenario,
  recording: Recording,
  alarms: readonly AlarmDefinition[],
): string[] {
  const { rings, once = [], may = [] } = EXPECTED[scenario];
  return replay(alarms, recording).flatMap(({ alarm, rings: heard }) => {
    const name = alarm.replace(/^keybuzz-mail-dev-/, '');
    const must = rings.includes(name);
    if (must && heard.length === 0) return [`${name} stays quiet`];
    if (!must && !may.includes(name) && heard.length > 0) return [`${name} rings: ${heard[0]?.reason}`];
    if (!once.includes(name)) return [];
    if (heard.length > 1) return [`${name} rings ${heard.length} times`];
    return heard.some(({ closedMs }) => closedMs === undefined) ? [`${name} does not close`] : [];
  });
}

import type { Collector } from '../support/cloudwatch/collector.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioClock } from './scenario-clock.ts';

/** Samples once per minute of the scenario, as AWS does. Late samples are made up for. */
export async function sampleMinutes(
  { hours }: Scenario,
  collectors: readonly Collector[],
  clock: ScenarioClock,
): Promise<void> {
  for (let minute = 0; minute < hours * 60; minute += 1) {
    const middle = (minute + 0.5) / 60;
    await clock.until(middle);
    const nowMs = clock.realMsAt(middle);
    await Promise.all(collectors.map((collector) => collector.sample(nowMs)));
  }
}

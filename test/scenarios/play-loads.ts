import { seededRandom } from '../../lib/emulators/ses/event-faults.ts';
import type { AskingApi } from './asking-api.ts';
import type { Load, Scenario } from './scenario.ts';
import type { ScenarioClock } from './scenario-clock.ts';

/** Mails arrive at random, but with the same seed in each run. */
const SEED = 20_260_114;

/** Inserts the mails of all loads, each at its time, until the scenario ends. */
export async function playLoads(
  scenario: Pick<Scenario, 'hours' | 'loads'>,
  api: Pick<AskingApi, 'ask'>,
  clock: ScenarioClock,
): Promise<void> {
  await Promise.all(
    scenario.loads.map((load, index) =>
      playLoad(load, scenario.hours, seededRandom(SEED + index), api, clock),
    ),
  );
}

async function playLoad(
  load: Load,
  scenarioHours: number,
  random: () => number,
  api: Pick<AskingApi, 'ask'>,
  clock: ScenarioClock,
): Promise<void> {
  const { fromHours = 0, toHours = scenarioHours } = load;
  let hours = fromHours;
  for (let index = 0; ; index += 1) {
    hours += gapHours(load.mailsPerHour(clock.hourOfDay(hours)), random());
    if (hours >= toHours) return;
    await clock.until(hours);
    await api.ask({ to: load.recipient(index) });
  }
}

/** The time between two random arrivals: https://en.wikipedia.org/wiki/Poisson_point_process */
function gapHours(perHour: number, chance: number): number {
  return -Math.log(1 - chance) / perHour;
}

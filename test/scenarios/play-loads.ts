import { seededRandom } from '../../lib/emulators/ses/event-faults.ts';
import type { AskingApi } from './asking-api.ts';
import type { Load, Scenario } from './scenario.ts';
import type { ScenarioClock } from './scenario-clock.ts';

/** Mails come as people do: by chance, and always by the same chance. */
const SEED = 20_260_114;

/** Asks for the mails of all loads, each at its moment, until the scenario ends. */
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

/** Between two that come by chance: https://en.wikipedia.org/wiki/Poisson_point_process */
function gapHours(perHour: number, chance: number): number {
  return -Math.log(1 - chance) / perHour;
}

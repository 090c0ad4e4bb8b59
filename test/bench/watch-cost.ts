/**
 * What it costs in a month to watch one stage, by list price, counted in the synthesised stack.
 *
 *   npm run cost:watch
 */
import { watchCost } from '../../lib/infra/watch/watch-cost.ts';
import { settingsWith, synthesise } from '../infra/synthesise.ts';

const VARIANTS = [
  ['as it comes', {}],
  ['alarms=all', { alarms: 'all' }],
  ['alarms=all workerMetrics=true', { alarms: 'all', workerMetrics: 'true' }],
  ['alarms=none dashboards=false', { alarms: 'none', dashboards: 'false' }],
] as const;

for (const [name, overrides] of VARIANTS) {
  const cost = watchCost(synthesise(overrides).watch.toJSON(), settingsWith(overrides));
  console.log(`${name}:`);
  let sum = 0;
  for (const [what, { count, listPrice, beyondFree }] of Object.entries(cost)) {
    sum += beyondFree;
    const prices = `$${listPrice.toFixed(2)} by list, $${beyondFree.toFixed(2)} beyond what is free`;
    console.log(`  ${what.padEnd(14)} ${String(count).padStart(3)}   ${prices}`);
  }
  console.log(`  together, at most $${sum.toFixed(2)} a month beyond what is free`);
}

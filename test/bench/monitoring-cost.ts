/**
 * The monthly cost of monitoring one stage at list prices, counted in the synthesised stack.
 *
 *   npm run cost:monitoring
 */
import { monitoringCost } from '../../lib/infra/monitoring/cost.ts';
import { settingsWith, synthesise } from '../infra/synthesise.ts';

const VARIANTS = [
  ['as it comes', {}],
  ['alarms=all', { alarms: 'all', accountMonitoring: 'dev' }],
  ['alarms=all workerMetrics=true', { alarms: 'all', accountMonitoring: 'dev', workerMetrics: 'true' }],
  ['alarms=none dashboards=false', { alarms: 'none', dashboards: 'false' }],
] as const;

for (const [name, overrides] of VARIANTS) {
  const cost = monitoringCost(synthesise(overrides).monitoring.toJSON(), settingsWith(overrides));
  console.log(`${name}:`);
  for (const [what, { count, listPrice, beyondFree }] of Object.entries(cost)) {
    const prices = `$${listPrice.toFixed(2)} by list, $${beyondFree.toFixed(2)} beyond what is free`;
    console.log(`  ${what.padEnd(19)} ${String(count).padStart(3)}   ${prices}`);
  }
  const { alarmMetrics, dashboards, customMetrics, customMetricsAtRest } = cost;
  const sum = (metrics: typeof customMetrics, price: 'listPrice' | 'beyondFree') =>
    `$${(alarmMetrics[price] + dashboards[price] + metrics[price]).toFixed(2)}`;
  console.log(
    `  together at rest ${sum(customMetricsAtRest, 'listPrice')} by list, ${sum(customMetricsAtRest, 'beyondFree')} beyond what is free;` +
      ` at most ${sum(customMetrics, 'listPrice')} and ${sum(customMetrics, 'beyondFree')}`,
  );
}

import { BOUNCE_STORM } from './bounce-storm.ts';
import { DEAD_WORKER } from './dead-worker.ts';
import { HEALTHY_DAY } from './healthy-day.ts';
import { OUTAGE } from './outage.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIO_NAMES = ['healthy-day', 'outage', 'bounce-storm', 'dead-worker'] as const;

export type ScenarioName = (typeof SCENARIO_NAMES)[number];

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  'healthy-day': HEALTHY_DAY,
  outage: OUTAGE,
  'bounce-storm': BOUNCE_STORM,
  'dead-worker': DEAD_WORKER,
};

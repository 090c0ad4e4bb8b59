import type { AlarmState } from '../support/cloudwatch/alarm-state.ts';
import type { MetricStore } from '../support/cloudwatch/metric-store.ts';

/** What a whole dashboard is drawn from. */
export interface DashboardContext {
  readonly store: MetricStore;
  /** The time that is shown, in ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of widgets that do not say. */
  readonly periodMs: number;
  /** By the alarms' names; one that is not here has no data. */
  readonly alarmStates: Readonly<Record<string, AlarmState>>;
}

/** What one of its cards is drawn from. */
export interface CardContext extends DashboardContext {
  readonly width: number;
  readonly height: number;
  /** Of everything in the card that has an id. */
  readonly idPrefix: string;
}

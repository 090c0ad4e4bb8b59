import type { AlarmState } from '../support/cloudwatch/alarm-state.ts';
import type { MetricStore } from '../support/cloudwatch/metric-store.ts';

/** The input of a whole dashboard. */
export interface DashboardContext {
  readonly store: MetricStore;
  /** The time range, in ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of widgets without their own period. */
  readonly periodMs: number;
  /** By alarm name; an alarm that is not here has no data. */
  readonly alarmStates: Readonly<Record<string, AlarmState>>;
}

/** The input of one of its cards. */
export interface CardContext extends DashboardContext {
  readonly width: number;
  readonly height: number;
  /** Prefix of every id in the card. */
  readonly idPrefix: string;
}

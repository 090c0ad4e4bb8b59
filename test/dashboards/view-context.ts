import type { CardContext } from './card-context.ts';
import type { MetricProperties } from './dashboard-body.ts';
import type { DrawnSeries } from './drawn-series.ts';

/** The input of a view of metrics. */
export interface ViewContext {
  readonly series: readonly DrawnSeries[];
  readonly properties: MetricProperties;
  /** Its height is that of the card below the title. */
  readonly context: CardContext;
}

import { barChart } from './bar-chart.ts';
import type { CardContext } from './card-context.ts';
import { cardTitle } from './card-title.ts';
import type { MetricProperties } from './dashboard-body.ts';
import { drawnSeries } from './drawn-series.ts';
import { gauges } from './gauges.ts';
import { lineChart } from './line-chart.ts';
import { singleValues } from './single-values.ts';
import { element } from './svg.ts';
import type { ViewContext } from './view-context.ts';

/** A metric widget in its view. */
export function metricCard(properties: MetricProperties, context: CardContext): string {
  const { svg, bottomPx } = cardTitle(properties.title, context.width);
  const height = context.height - bottomPx;
  const view = { series: drawnSeries(properties, context), properties, context: { ...context, height } };
  return svg + element('g', { transform: `translate(0 ${bottomPx})` }, viewOf(view));
}

function viewOf(view: ViewContext): string {
  switch (view.properties.view) {
    case 'timeSeries':
      return lineChart(view);
    case 'singleValue':
      return singleValues(view);
    case 'gauge':
      return gauges(view);
    case 'bar':
      return barChart(view);
  }
}

import type { Template } from 'aws-cdk-lib/assertions';
import { dashboardsOf } from '../../dashboards/dashboards-of.ts';
import { alarmsOf } from '../../support/cloudwatch/alarm-definition.ts';
import { type ReadMetric, type ReadQuery, readQueries } from '../../support/cloudwatch/metric-query.ts';

/** A metric that somebody looks at. */
export type LookedAt = Pick<ReadMetric, 'metric' | 'statistic'>;

export interface ReadWidget {
  readonly type: string;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly metrics?: readonly (readonly unknown[])[];
    readonly yAxis?: { readonly left?: { readonly min?: number; readonly label?: string } };
    readonly view?: string;
    readonly alarms?: readonly string[];
    readonly annotations?: { readonly horizontal?: readonly { label: string; value: number }[] };
  };
}

export interface ReadDashboard {
  readonly name: string;
  readonly widgets: readonly ReadWidget[];
}

export function dashboardsIn(template: Template): readonly ReadDashboard[] {
  return dashboardsOf(template.toJSON()).map(({ name, body }) => {
    const { widgets } = body as { widgets: readonly ReadWidget[] };
    return { name, widgets };
  });
}

/** With each time that one is named, since it may be charged for each time. */
export function metricsOfDashboard({ widgets }: ReadDashboard): readonly LookedAt[] {
  return widgets.flatMap(({ properties }) => metricsAmong(readQueries(properties.metrics ?? [])));
}

export function metricsOfAlarms(template: Template): readonly LookedAt[] {
  return alarmsOf(template.toJSON()).flatMap(({ queries }) => metricsAmong(queries));
}

function metricsAmong(queries: readonly ReadQuery[]): readonly LookedAt[] {
  return queries.filter((query) => query.kind === 'metric');
}

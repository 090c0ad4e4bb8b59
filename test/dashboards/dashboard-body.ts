import * as v from 'valibot';

const AXIS = v.object({
  label: v.optional(v.string()),
  min: v.optional(v.number()),
  max: v.optional(v.number()),
});

const horizontalAnnotation = v.object({
  value: v.number(),
  label: v.optional(v.string(), ''),
  color: v.optional(v.string()),
  visible: v.optional(v.boolean(), true),
  yAxis: v.optional(v.picklist(['left', 'right']), 'left'),
});

const metricProperties = v.object({
  view: v.optional(v.picklist(['timeSeries', 'singleValue', 'gauge', 'bar']), 'timeSeries'),
  title: v.optional(v.string(), ''),
  metrics: v.optional(v.array(v.array(v.unknown())), []),
  stat: v.optional(v.string()),
  period: v.optional(v.number()),
  stacked: v.optional(v.boolean(), false),
  sparkline: v.optional(v.boolean(), false),
  setPeriodToTimeRange: v.optional(v.boolean(), false),
  legend: v.optional(v.object({ position: v.picklist(['bottom', 'right', 'hidden']) }), {
    position: 'bottom',
  }),
  yAxis: v.optional(v.object({ left: v.optional(AXIS), right: v.optional(AXIS) }), {}),
  annotations: v.optional(v.object({ horizontal: v.optional(v.array(horizontalAnnotation), []) }), {
    horizontal: [],
  }),
});

const place = {
  x: v.optional(v.number(), 0),
  y: v.optional(v.number(), 0),
  width: v.optional(v.number(), 6),
  height: v.optional(v.number(), 6),
};

const widget = v.variant('type', [
  v.object({
    type: v.literal('text'),
    ...place,
    properties: v.object({
      markdown: v.string(),
      background: v.optional(v.picklist(['solid', 'transparent']), 'solid'),
    }),
  }),
  v.object({ type: v.literal('metric'), ...place, properties: metricProperties }),
  v.object({
    type: v.literal('alarm'),
    ...place,
    properties: v.object({ title: v.optional(v.string(), ''), alarms: v.array(v.string()) }),
  }),
]);

const dashboardBody = v.object({ widgets: v.array(widget) });

export type Widget = Readonly<v.InferOutput<typeof widget>>;
export type TextProperties = Extract<Widget, { type: 'text' }>['properties'];
export type MetricProperties = Extract<Widget, { type: 'metric' }>['properties'];
export type AlarmProperties = Extract<Widget, { type: 'alarm' }>['properties'];

/**
 * The widgets of a dashboard's body.
 *
 * @throws Error that names the place, for an unsupported widget or view
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function readDashboardBody(body: unknown): readonly Widget[] {
  const read = v.safeParse(dashboardBody, body);
  if (read.success) return read.output.widgets;
  const [{ message, ...issue }] = read.issues;
  throw new Error(
    `cannot draw this dashboard: ${v.getDotPath(issue as (typeof read.issues)[0])}: ${message}`,
  );
}

import { describe, expect, it } from '@jest/globals';
import { HOUR_MS, MINUTE_MS } from '../../../lib/common/time.ts';
import { alarmsOf } from '../../support/cloudwatch/alarm-definition.ts';
import { MetricStore } from '../../support/cloudwatch/metric-store.ts';
import { evaluateMetrics } from '../../support/cloudwatch/widget-series.ts';
import { synthesise } from '../synthesise.ts';
import { dashboardsIn, metricsOfDashboard, type ReadDashboard, type ReadWidget } from './metrics-in.ts';

const { monitoring } = synthesise({ alarms: 'all', accountMonitoring: 'dev', workerMetrics: 'true' });
const dashboards = dashboardsIn(monitoring).map((dashboard) => ({ name: dashboard.name, dashboard }));

function dashboardOf(name: string, template = monitoring): ReadDashboard {
  const found = dashboardsIn(template).find((dashboard) => dashboard.name === name);
  if (found === undefined) throw new Error(`there is no dashboard ${name}`);
  return found;
}

const titled = (dashboard: ReadDashboard, title: string) =>
  dashboard.widgets.find(({ properties }) => properties.title === title)?.properties;

const isGraph = ({ type, properties }: ReadWidget) => type === 'metric' && properties.view !== 'singleValue';

describe('the dashboards', () => {
  it('are as many as are free of charge', () => {
    expect(dashboards.map(({ name }) => name).sort()).toEqual([
      'keybuzz-mail-dev',
      'keybuzz-mail-machine-room-dev',
      'keybuzz-mail-reputation-dev',
    ]);
  });

  it.each(dashboards)('have no more metrics than are free of charge: $name', ({ dashboard }) => {
    expect(metricsOfDashboard(dashboard).length).toBeLessThanOrEqual(50);
    expect(metricsOfDashboard(dashboard).length).toBeGreaterThan(10);
  });

  it.each(dashboards)('say what one looks at, and where one reads on: $name', ({ dashboard, name }) => {
    const [first] = dashboard.widgets;
    expect(first?.type).toBe('text');
    expect(first?.properties.markdown).toContain('`docs/runbook.md`');
    const others = dashboards.filter((other) => other.name !== name);
    for (const other of others) expect(first?.properties.markdown).toContain(`/${other.name})`);
  });

  it.each(dashboards)('have graphs with a unit, from zero upwards: $name', ({ dashboard }) => {
    const graphs = dashboard.widgets.filter(isGraph);
    expect(graphs.length).toBeGreaterThan(3);
    for (const { properties } of graphs) {
      expect(properties.yAxis?.left).toMatchObject({ min: 0, label: expect.stringMatching(/[a-z]/) });
    }
  });

  it.each(dashboards)('ask only what metric math can answer: $name', ({ dashboard }) => {
    const span = { fromMs: 0, toMs: HOUR_MS };
    for (const { properties } of dashboard.widgets) {
      const series = evaluateMetrics(properties.metrics ?? [], new MetricStore(), span);
      const shown = series.filter(({ visible }) => visible);
      expect(shown.length).toBeGreaterThan(properties.metrics === undefined ? -1 : 0);
      for (const { label } of shown) expect(label).not.toBe('');
    }
  });

  it('lead to the runbook of the team', () => {
    const { monitoring: set } = synthesise({ runbookUrl: 'https://wiki.example.org/mail' });
    for (const { widgets } of dashboardsIn(set)) {
      expect(widgets[0]?.properties.markdown).toContain('[runbook](https://wiki.example.org/mail)');
    }
  });
});

describe('the dashboard of the mail', () => {
  it('shows the state of each alarm there is', () => {
    const shown = dashboardOf('keybuzz-mail-dev').widgets.find(({ type }) => type === 'alarm');
    expect(shown?.properties.alarms).toHaveLength(alarmsOf(monitoring.toJSON()).length);
    const { monitoring: silent } = synthesise({ alarms: 'none' });
    const types = dashboardOf('keybuzz-mail-dev', silent).widgets.map(({ type }) => type);
    expect(types).not.toContain('alarm');
  });

  it('shows the worker where the worker tells', () => {
    const title = 'Outbox rows';
    expect(titled(dashboardOf('keybuzz-mail-dev'), title)).toBeDefined();
    expect(titled(dashboardOf('keybuzz-mail-dev', synthesise().monitoring), title)).toBeUndefined();
  });
});

describe('the time to drain the queues', () => {
  const BACKLOG = { fallback: [80, 20], 'fallback-urgent': [10, 10], held: [500, 0] } as const;

  function minutesWith(sent: number | undefined): Record<string, number | undefined> {
    const title = 'Mail in the queues, and the time to drain them';
    const widget = titled(dashboardOf('keybuzz-mail-dev'), title);
    const store = new MetricStore();
    const add = (namespace: string, name: string, dimensions: Record<string, string>, value: number) =>
      store.add({ namespace, name, dimensions, at: 0, values: [value], unit: 'Count' });
    for (const [queue, [visible, inFlight]] of Object.entries(BACKLOG)) {
      const dimensions = { QueueName: `keybuzz-mail-${queue}-dev` };
      add('AWS/SQS', 'ApproximateNumberOfMessagesVisible', dimensions, visible);
      add('AWS/SQS', 'ApproximateNumberOfMessagesNotVisible', dimensions, inFlight);
    }
    if (sent !== undefined) add('keybuzz/mail', 'Resent', { stage: 'dev' }, sent);
    add('keybuzz/mail', 'QuotaRate', { stage: 'dev' }, 2);
    const series = evaluateMetrics(widget?.metrics ?? [], store, {
      fromMs: 0,
      toMs: 5 * MINUTE_MS,
      periodMs: 5 * MINUTE_MS,
    });
    return Object.fromEntries(
      series.flatMap(({ label, visible, points }) => (visible ? [[label, points[0]]] : [])),
    );
  }

  it('is that of normal and urgent mail, at the rate of the last minutes and at the quota', () => {
    expect(minutesWith(30)).toEqual({
      normal: 100,
      urgent: 20,
      'held by the fuse': 500,
      'minutes to drain, as it goes now': 20,
      'minutes to drain, at the quota': 1,
    });
  });

  it('is unknown at the present rate while nothing is sent', () => {
    const minutes = minutesWith(undefined);
    expect(minutes['minutes to drain, as it goes now'] ?? Number.NaN).toBeNaN();
    expect(minutes['minutes to drain, at the quota']).toBe(1);
  });
});

describe('the dashboard of the reputation', () => {
  it.each([
    ['Hard bounces', [4, 5, 10]],
    ['Complaints', [0.08, 0.1, 0.5]],
  ])('draws where AWS reviews and pauses: %s', (title, values) => {
    const widget = titled(dashboardOf('keybuzz-mail-reputation-dev'), title);
    expect(widget?.annotations?.horizontal?.map(({ value }) => value)).toEqual(values);
  });
});

describe('the dashboard of the machine room', () => {
  it('adds up what an hour costs', () => {
    const widget = titled(dashboardOf('keybuzz-mail-machine-room-dev'), 'Approximate cost, by list price');
    const store = new MetricStore();
    const add = (namespace: string, name: string, dimensions: Record<string, string>, value: number) =>
      store.add({ namespace, name, dimensions, at: 0, values: [value], unit: 'Count' });
    add('keybuzz/mail', 'Resent', { stage: 'dev' }, 1000);
    add('AWS/Lambda', 'Invocations', { FunctionName: 'keybuzz-mail-resend-dev' }, 1_000_000);
    add('AWS/Lambda', 'Duration', { FunctionName: 'keybuzz-mail-resend-dev' }, 1_000_000);
    add('AWS/SQS', 'NumberOfMessagesSent', { QueueName: 'keybuzz-mail-fallback-dev' }, 1_000_000);
    add('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', { TableName: 'keybuzz-mail-ledger-dev' }, 1_000_000);
    const series = evaluateMetrics(widget?.metrics ?? [], store, {
      fromMs: 0,
      toMs: HOUR_MS,
      periodMs: HOUR_MS,
    });
    const cost = Object.fromEntries(
      series.flatMap(({ label, visible, points }) => (visible ? [[label, points[0]]] : [])),
    );
    expect(cost).toEqual({
      SES: expect.closeTo(0.1, 6),
      // A thousand seconds at 1 GiB, and a million requests.
      Lambda: expect.closeTo(0.0133334 + 0.2, 6),
      SQS: expect.closeTo(1.2, 6),
      DynamoDB: expect.closeTo(0.705, 6),
    });
  });
});

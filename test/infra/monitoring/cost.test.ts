import { describe, expect, it } from '@jest/globals';
import { monitoringCost } from '../../../lib/infra/monitoring/cost.ts';
import { settingsWith, synthesise } from '../synthesise.ts';

function costOf(overrides: Readonly<Record<string, unknown>>) {
  return monitoringCost(synthesise(overrides).monitoring.toJSON(), settingsWith(overrides));
}

describe('what it costs to monitor a stage', () => {
  it('is nothing for the dashboards, and less than two dollars a month for the alarms, by default', () => {
    const { dashboards, alarmMetrics } = costOf({});
    expect(dashboards).toEqual({ count: 2, listPrice: 6, beyondFree: 0 });
    expect(alarmMetrics.count).toBe(29);
    expect(alarmMetrics.beyondFree).toBeLessThan(2);
  });

  it('is nothing for metrics at rest: the six of the account-metrics function', () => {
    const { customMetrics, customMetricsAtRest } = costOf({});
    expect(customMetricsAtRest).toMatchObject({ count: 6, beyondFree: 0 });
    expect(customMetrics.count).toBeGreaterThan(customMetricsAtRest.count);
  });

  it('is bounded: each second dimension has a closed set of values', () => {
    expect(
      costOf({ alarms: 'all', accountMonitoring: 'dev', workerMetrics: 'true' }).customMetrics.beyondFree,
    ).toBeLessThan(20);
  });

  it('counts what an alarm looks at, and not its expression', () => {
    const metric = { Id: 'm', MetricStat: { Metric: {}, Period: 60, Stat: 'Sum' } };
    const alarm = (Properties: object) => ({ Type: 'AWS::CloudWatch::Alarm', Properties });
    const template = {
      Resources: {
        one: alarm({ MetricName: 'Errors' }),
        other: alarm({ Metrics: [metric, metric, { Id: 'e', Expression: 'm + m' }] }),
        topic: { Type: 'AWS::SNS::Topic' },
      },
    };
    expect(monitoringCost(template, { workerMetrics: false }).alarmMetrics).toEqual({
      count: 3,
      listPrice: expect.closeTo(0.3, 9),
      beyondFree: 0,
    });
  });

  it('is nothing for what is left away', () => {
    const { dashboards, alarmMetrics, customMetrics } = costOf({ alarms: 'none', dashboards: 'false' });
    expect([dashboards.listPrice, alarmMetrics.listPrice]).toEqual([0, 0]);
    expect(customMetrics.count).toBeLessThan(costOf({ workerMetrics: 'true' }).customMetrics.count);
  });
});

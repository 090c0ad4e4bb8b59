import { describe, expect, it } from '@jest/globals';
import type { Template } from 'aws-cdk-lib/assertions';
import { idOf, synthesise } from '../synthesise.ts';

interface AlarmProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: unknown;
  readonly OKActions: unknown;
  readonly InsufficientDataActions?: unknown;
  readonly TreatMissingData?: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Threshold: number;
  readonly Period?: number;
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Period: number } }[];
}

const ESSENTIAL = [
  'fallback-in-use',
  'mail-waiting',
  'urgent-waiting',
  'mail-held',
  'dead-letters',
  'functions-failing',
  'feedback-stuck',
  'receipts-unread',
  'events-missing',
  'queue-near-limit',
  'receipts-left',
  'unusual-volume',
  'key-old',
];
const OF_ACCOUNT = ['quota-near', 'bounce-rate', 'complaint-rate'];
const FURTHER = ['sending-paused', 'ses-throttled', 'sent-twice', 'table-throttled'];
const OF_WORKER = ['worker-silent', 'outbox-old', 'status-overdue'];

function alarmsIn(template: Template): AlarmProperties[] {
  return Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
}

const namesIn = (template: Template) => alarmsIn(template).map(({ AlarmName }) => AlarmName);

const everyAlarm = { alarms: 'all', accountMonitoring: 'dev', workerMetrics: 'true' };
const { monitoring } = synthesise(everyAlarm);
const { monitoring: longest } = synthesise({
  ...everyAlarm,
  stage: 'prod',
  accountMonitoring: 'prod',
  project: 'a'.repeat(20),
  region: 'ap-southeast-2',
  runbookUrl: `https://wiki.example.org/${'x'.repeat(175)}`,
});
const alarms = alarmsIn(monitoring).map((alarm) => ({
  name: alarm.AlarmName.slice('keybuzz-mail-dev-'.length),
  alarm,
}));

function alarmOf(name: string, template = monitoring): AlarmProperties | undefined {
  return alarmsIn(template).find(({ AlarmName }) => AlarmName.endsWith(`-${name}`));
}

describe('the alarms', () => {
  it.each([
    ['by default', {}, ESSENTIAL],
    ['all', { alarms: 'all', accountMonitoring: 'prod' }, [...ESSENTIAL, ...OF_ACCOUNT, ...FURTHER]],
    ['of the worker', { workerMetrics: 'true' }, [...ESSENTIAL, ...OF_WORKER]],
    [
      'all there are',
      { ...everyAlarm, accountMonitoring: 'prod' },
      [...ESSENTIAL, ...OF_ACCOUNT, ...FURTHER, ...OF_WORKER],
    ],
    ['of the account', { accountMonitoring: 'prod' }, [...ESSENTIAL, ...OF_ACCOUNT]],
    ['none, although the worker publishes metrics', { alarms: 'none', workerMetrics: 'true' }, []],
  ])('are those of the settings: %s', (_name, overrides, names) => {
    const stage = { stage: 'prod', project: 'acme', accountMonitoring: 'dev', ...overrides };
    const expected = names.map((name) => `acme-mail-prod-${name}`);
    expect(namesIn(synthesise(stage).monitoring).sort()).toEqual(expected.sort());
  });
});

describe.each(alarms)('the alarm $name', ({ name, alarm }) => {
  const topic = [{ Ref: idOf(monitoring, 'AWS::SNS::Topic') }];

  it('notifies when it goes into alarm and when it is OK again', () => {
    expect(alarm.AlarmActions).toEqual(topic);
    expect(alarm.OKActions).toEqual(topic);
  });

  it('says how severe it is, when and why it is in alarm, the first command and where to read on', () => {
    const [meaning, condition, ...rest] = alarm.AlarmDescription.split('\n');
    expect(meaning).toMatch(/^\[(critical|warning)] [A-Z].{20,}\.$/);
    expect(condition).toMatch(/^In alarm when .{10,}, because .{20,}\.$/);
    expect(rest[0]).toMatch(/^First: mailctl [a-z]/);
    expect(rest[1]).toBe(`Runbook: docs/runbook.md#${name}`);
    expect(rest[2]).toMatch(/^Dashboard: https:\/\/eu-west-1\.console\.aws\.amazon\.com\/.*keybuzz-mail-/);
    expect(rest).toHaveLength(3);
  });

  it('has a name, a text and a window that CloudWatch accepts', () => {
    expect(alarmOf(name, longest)?.AlarmName.length).toBeLessThanOrEqual(255);
    expect(alarmOf(name, longest)?.AlarmDescription.length).toBeLessThanOrEqual(1024);
    const periods = [
      ...(alarm.Period === undefined ? [] : [alarm.Period]),
      ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Period ?? []),
    ];
    expect(new Set(periods).size).toBe(1);
    expect((periods[0] ?? 0) % 60).toBe(0);
    expect((periods[0] ?? 0) * alarm.EvaluationPeriods).toBeLessThanOrEqual(86_400);
    expect(alarm.DatapointsToAlarm).toBeLessThanOrEqual(alarm.EvaluationPeriods);
  });

  it('says what missing data means, and notifies of it if its metric is no longer measured', () => {
    expect(['missing', 'ignore', 'breaching', 'notBreaching']).toContain(alarm.TreatMissingData);
    const notifies = alarm.TreatMissingData === 'missing';
    expect(alarm.InsufficientDataActions).toEqual(notifies ? topic : undefined);
    expect(['quota-near', 'key-old'].includes(name)).toBe(notifies);
  });
});

describe('the text of an alarm', () => {
  const { monitoring: elsewhere } = synthesise({
    stage: 'prod',
    project: 'acme',
    region: 'eu-central-1',
    runbookUrl: 'https://wiki.example.org/mail',
    dashboards: 'false',
  });
  const lines = alarmOf('dead-letters', elsewhere)?.AlarmDescription.split('\n') ?? [];

  it('has a command that can be pasted, for this deployment', () => {
    expect(lines).toContain('First: mailctl --stage prod --project acme --region eu-central-1 dlq ls');
    expect(alarmOf('dead-letters')?.AlarmDescription).toContain('First: mailctl dlq ls');
  });

  it('links to the runbook of the team', () => {
    expect(lines).toContain('Runbook: https://wiki.example.org/mail#dead-letters');
  });

  it('links to no dashboard that does not exist', () => {
    expect(lines.filter((line) => line.startsWith('Dashboard'))).toEqual([]);
  });
});

describe('thresholds that follow from settings', () => {
  it.each([
    [60, 1800, 900],
    [900, 1800, 900],
    [1800, 3600, 1800],
  ])('leave a lost response the %d seconds that it waits for its event', (wait, mail, feedback) => {
    const { monitoring: set } = synthesise({ eventWaitDefaultSeconds: wait });
    expect(alarmOf('mail-waiting', set)?.Threshold).toBe(mail);
    expect(alarmOf('feedback-stuck', set)?.Threshold).toBe(feedback);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { DeployedAlarm } from '../../../../lib/cli/lookups/alarms.ts';
import { summariseAlarms, worstOf } from '../../../../lib/cli/lookups/alarms.ts';

const NOW = new Date('2026-03-01T12:00:00Z');

const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

const anAlarm = (name: string, changes: Partial<DeployedAlarm> = {}): DeployedAlarm => ({
  fullName: `keybuzz-mail-dev-${name}`,
  name,
  severity: 'warning',
  meaning: '',
  state: 'OK',
  since: minutesAgo(60),
  reason: '',
  first: 'doctor',
  runbook: `docs/runbook.md#${name}`,
  actionsEnabled: true,
  topics: [],
  ...changes,
});

const RINGING = { state: 'ALARM' } as const;
const WITHOUT_DATA = { state: 'INSUFFICIENT_DATA' } as const;

const namesOf = (alarms: readonly DeployedAlarm[]) => alarms.map(({ name }) => name);

describe('alarmNews', () => {
  it('lists critical alarms first, then the longest-ringing ones', () => {
    const { ringing, quiet } = summariseAlarms(
      [
        anAlarm('late', { ...RINGING, since: minutesAgo(5) }),
        anAlarm('early', { ...RINGING, since: minutesAgo(50) }),
        anAlarm('quiet', { severity: 'critical' }),
        anAlarm('urgent', { ...RINGING, severity: 'critical', since: minutesAgo(1) }),
      ],
      NOW,
    );
    expect(namesOf(ringing)).toEqual(['urgent', 'early', 'late']);
    expect(namesOf(quiet)).toEqual(['quiet']);
  });

  it('reports missing data for metrics that are always published, but not right after a deployment', () => {
    const { blind, quiet } = summariseAlarms(
      [
        anAlarm('quota-near', WITHOUT_DATA),
        anAlarm('key-old', { ...WITHOUT_DATA, since: minutesAgo(10) }),
        anAlarm('fallback-in-use', WITHOUT_DATA),
      ],
      NOW,
    );
    expect(namesOf(blind)).toEqual(['quota-near']);
    expect(namesOf(quiet)).toEqual(['key-old', 'fallback-in-use']);
  });

  it.each([
    ['nothing rings', [anAlarm('one')], undefined],
    ['one cannot ring', [anAlarm('quota-near', WITHOUT_DATA)], 'warning'],
    ['a warning rings', [anAlarm('one', RINGING)], 'warning'],
    [
      'a critical one rings, too',
      [anAlarm('one', RINGING), anAlarm('two', { ...RINGING, severity: 'critical' })],
      'critical',
    ],
    ['a critical one is quiet', [anAlarm('one', { severity: 'critical' })], undefined],
  ] as const)('has the severity of the worst alarm when %s', (_what, alarms, worst) => {
    expect(worstOf(summariseAlarms(alarms, NOW))).toBe(worst);
  });
});

import { describe, expect, it } from '@jest/globals';
import { type AlarmDefinition, alarmsOf } from '../../../support/cloudwatch/alarm-definition.ts';
import { evaluateAlarm } from '../../../support/cloudwatch/evaluate-alarm.ts';
import type { MissingPoints } from '../../../support/cloudwatch/math-value.ts';
import { synthesise } from '../../synthesise.ts';
import { type AlarmCase, CASES, SPAN, storeOf } from './alarm-cases.ts';
import { PLANTED, planted } from './planted-alarms.ts';

const template = synthesise({
  alarms: 'all',
  accountMonitoring: 'dev',
  workerMetrics: 'true',
}).monitoring.toJSON();
const alarms = alarmsOf(template);

/** CloudWatch does not say what an operator or FILL makes of what is missing: the alarms must not depend on it. */
const READINGS: readonly MissingPoints[] = ['stay-missing', 'are-zero', 'stay-empty'];

function statesIn(alarmCase: AlarmCase, among: readonly AlarmDefinition[], missing: MissingPoints) {
  const alarm = among.find(({ name }) => name === `keybuzz-mail-dev-${alarmCase.alarm}`);
  if (alarm === undefined) throw new Error(`there is no alarm ${alarmCase.alarm}`);
  return evaluateAlarm(alarm, storeOf(alarmCase), { ...SPAN, missing }).map(({ state }) => state);
}

describe.each(READINGS)('alarms in made-up stories, where missing points %s', (missing) => {
  it.each(CASES)('$alarm: $what', (alarmCase) => {
    expect(statesIn(alarmCase, alarms, missing)).toEqual(alarmCase.states);
  });
});

describe('the stories', () => {
  it('are of every alarm', () => {
    const told = new Set(CASES.map(({ alarm }) => `keybuzz-mail-dev-${alarm}`));
    expect(alarms.map(({ name }) => name).filter((name) => !told.has(name))).toEqual([]);
  });

  it.each(PLANTED)('notice that $alarm was changed: $change', (change) => {
    const changed = alarmsOf(planted(template, change));
    const stories = CASES.filter(({ alarm }) => alarm === change.alarm);
    const noticed = stories.filter(
      (story) => statesIn(story, changed, 'stay-missing').join() !== story.states.join(),
    );
    expect(noticed).not.toEqual([]);
  });
});

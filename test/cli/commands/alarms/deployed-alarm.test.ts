import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { FixHints } from '../../../../lib/cli/hints.ts';
import { firstCommandOf, readAlarm } from '../../../../lib/cli/lookups/alarms.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';

const PREFIX = 'keybuzz-mail-prod-';

const reasonOf = (StateReason: string) => readAlarm({ StateReason }, PREFIX).reason;

describe('an alarm as it is deployed', () => {
  const deployed = [
    ...deployedAccount({ stage: 'prod', alarms: 'all', workerMetrics: true }).alarms.values(),
  ];

  it.each(deployed)('says what happened and what to do first: $name', ({ name, description }) => {
    const alarm = readAlarm({ AlarmName: name, AlarmDescription: description }, PREFIX);
    expect(alarm).toMatchObject({ fullName: name, runbook: `docs/runbook.md#${alarm.name}` });
    expect(description).toContain(`[${alarm.severity}] ${alarm.meaning}\n`);
    const commands = new FixHints({ project: 'keybuzz', stage: 'prod' }, 'eu-west-1', 'ops');
    expect(firstCommandOf(alarm, commands)).toBe(`mailctl --stage prod --profile ops ${alarm.first}`);
    expect(alarm.first).toMatch(/^[a-z]/);
    expect(description).toContain(`mailctl --stage prod ${alarm.first}\n`);
  });

  it('is a warning with its name as runbook heading if its description has no severity', () => {
    const alarm = readAlarm({ AlarmName: `${PREFIX}made-by-hand`, AlarmDescription: 'look!' }, PREFIX);
    expect(alarm).toMatchObject({
      severity: 'warning',
      meaning: '',
      runbook: 'docs/runbook.md#made-by-hand',
    });
    expect(alarm.first).toBeUndefined();
  });

  it.each([['\n'], ['\r\n']])('reads the same with a note added on top: %j', (end) => {
    const { name = '', description = '' } = deployed.find((one) => one.name.endsWith('dead-letters')) ?? {};
    const noted = ['Ask Ann first.', ...description.split('\n')].join(end);
    const alarm = readAlarm({ AlarmName: name, AlarmDescription: noted }, PREFIX);
    expect(alarm.severity).toBe('critical');
    expect(alarm).toEqual(readAlarm({ AlarmName: name, AlarmDescription: description }, PREFIX));
  });

  it('links to where the team reads its runbook', () => {
    const AlarmDescription =
      '[warning] Look.\nRunbook: https://wiki.example/mail#key-old\nDashboard: https://x';
    expect(readAlarm({ AlarmDescription }, PREFIX).runbook).toBe('https://wiki.example/mail#key-old');
  });

  it('began when its state changed, not when its reason did', () => {
    const [began, later] = [new Date(0), new Date(60_000)];
    const times: MetricAlarm = { StateTransitionedTimestamp: began, StateUpdatedTimestamp: later };
    expect(readAlarm(times, PREFIX).since).toBe(began);
    expect(readAlarm({ StateUpdatedTimestamp: later }, PREFIX).since).toBe(later);
  });

  it('shortens its reason to the numbers, and to 160 characters at most', () => {
    const numbers =
      '1 out of the last 1 datapoints [5.0 (01/03/26 12:00:00)] was greater than the threshold (0.0)';
    const words = `Threshold Crossed: ${numbers} (minimum 1 datapoint for OK -> ALARM transition).`;
    expect(reasonOf(words)).toBe(numbers);
    expect(reasonOf('A test by a person.')).toBe('A test by a person');
    const long = reasonOf(`Threshold Crossed: ${'5.0, '.repeat(100)}`);
    expect(long).toHaveLength(160);
    expect(long.endsWith('…')).toBe(true);
  });

  it('reads only topics from its actions', () => {
    const topic = 'arn:aws:sns:eu-west-1:1:alarms';
    const AlarmActions = [topic, 'arn:aws:automate:eu-west-1:ec2:stop'];
    expect(readAlarm({ AlarmActions, ActionsEnabled: false }, PREFIX)).toMatchObject({
      topics: [topic],
      actionsEnabled: false,
    });
  });
});

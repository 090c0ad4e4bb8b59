import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../../../lib/common/time.ts';
import type { Alarm } from '../../../support/aws-account/aws-account.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';

let double: AwsAccountDouble;

beforeAll(async () => {
  double = await startAwsAccount({ account: deployedAccount() });
});

beforeEach(() => {
  double.heal();
  double.account.alarms.clear();
  double.account.add({ alarms: [...deployedAccount().alarms.values()] });
});

afterAll(() => double.close());

const mailctl = (...args: string[]) => runMailctl(args, double.environment);

function change(name: string, changes: Partial<Alarm>): void {
  const alarm = double.account.alarms.get(`keybuzz-mail-dev-${name}`);
  if (alarm === undefined) throw new Error(`there is no alarm ${name}`);
  double.account.add({ alarms: [{ ...alarm, ...changes }] });
}

const ring = (name: string) =>
  change(name, {
    state: 'ALARM',
    stateReason:
      'Threshold Crossed: 1 out of the last 3 datapoints [4.0] was greater than the threshold (0.0).',
    changedAt: new Date(Date.now() - 3 * HOUR_MS),
  });

const stateOf = (name: string) => double.account.alarms.get(`keybuzz-mail-dev-${name}`);

describe('mailctl alarms', () => {
  it('prints one line when no alarm rings', async () => {
    expect(await mailctl('alarms')).toMatchObject({ code: 0, stdout: '16 quiet; --all names them\n' });
  });

  it('prints ringing alarms first: what it is, since when, why, and what to do', async () => {
    ring('fallback-in-use');
    ring('dead-letters');
    const { code, stdout } = await mailctl('alarms');
    expect(code).toBe(2);
    const [urgent = '', other = '', quiet] = stdout.split('\n\n');
    const lines = urgent.split('\n');
    expect(lines[0]).toMatch(/^critical {2}dead-letters {2}since .*\d\d:\d\d UTC \(3h 0m ago\)$/);
    expect(lines.slice(1)).toEqual([
      '  Mail, events or receipts are in a dead letter queue and stay there until a person decides.',
      '  1 out of the last 3 datapoints [4.0] was greater than the threshold (0.0)',
      '  → mailctl dlq ls',
      '  → docs/runbook.md#dead-letters',
    ]);
    expect(other).toMatch(/^warning {2}fallback-in-use {2}since /);
    expect(quiet).toBe('14 quiet; --all names them\n');
  });

  it('exits with 1 if only warnings ring', async () => {
    ring('fallback-in-use');
    expect((await mailctl('alarms')).code).toBe(1);
  });

  it('names the quiet alarms with --all', async () => {
    ring('dead-letters');
    const { stdout } = await mailctl('alarms', '--all');
    const quiet = stdout.slice(stdout.indexOf('15 quiet'));
    expect(quiet).toMatch(/^mail-waiting +critical +ok +/m);
    expect(quiet).toMatch(/^key-old +warning +ok +/m);
    expect(quiet).not.toContain('dead-letters');
  });

  it.each([
    ['the account-metrics function', ['quota-near', 'key-old'], 'the account-metrics function is silent'],
    ['the quota', ['quota-near'], 'the account-metrics function publishes no value for it'],
    [
      'the key',
      ['key-old'],
      'the account-metrics function publishes no value for it, or the API has no active key',
    ],
  ])('reports that there is no data for %s any more', async (_what, names, expected) => {
    for (const name of names) {
      change(name, { state: 'INSUFFICIENT_DATA', changedAt: new Date(Date.now() - HOUR_MS) });
    }
    const { code, stdout } = await mailctl('alarms');
    expect(code).toBe(1);
    const [heading, ...rest] = stdout.split('\n\n')[0]?.split('\n') ?? [];
    expect(heading).toMatch(new RegExp(`^blind {2}${names.join(', ')} {2}since `));
    expect(rest).toEqual([
      `  ${expected}`,
      '  → aws logs tail /aws/lambda/keybuzz-mail-account-metrics-dev --since 1h --region eu-west-1',
    ]);
  });

  it('prints the same as JSON', async () => {
    ring('dead-letters');
    const { code, stdout } = await mailctl('--json', 'alarms');
    const { ringing, blind, quiet } = dataOf(stdout);
    expect([code, blind, quiet.length]).toEqual([2, [], 15]);
    expect(ringing).toEqual([
      {
        name: 'dead-letters',
        fullName: 'keybuzz-mail-dev-dead-letters',
        severity: 'critical',
        meaning: expect.stringContaining('dead letter queue'),
        state: 'ALARM',
        since: stateOf('dead-letters')?.changedAt.toISOString(),
        reason: expect.stringContaining('threshold (0.0)'),
        runbook: 'docs/runbook.md#dead-letters',
        first: 'mailctl dlq ls',
      },
    ]);
  });

  it('ignores alarms of other stages and projects', async () => {
    for (const options of [{ stage: 'prod' }, { project: 'keybuzz-two' }] as const) {
      const others = [...deployedAccount(options).alarms.values()];
      double.account.add({ alarms: others.map((alarm) => ({ ...alarm, state: 'ALARM' as const })) });
    }
    expect((await mailctl('alarms')).stdout).toBe('16 quiet; --all names them\n');
  });

  it('reads all pages', async () => {
    double.account.pageSize = 3;
    try {
      expect((await mailctl('alarms')).stdout).toBe('16 quiet; --all names them\n');
    } finally {
      double.account.pageSize = undefined;
    }
  });

  it('says where it looked if there are no alarms', async () => {
    const { code, stdout } = await mailctl('--stage', 'prod', 'alarms');
    expect(code).toBe(1);
    expect(stdout).toContain('There is no alarm keybuzz-mail-prod-… in eu-west-1');
    expect(stdout).toContain('npm run deploy -- -c stage=prod');
  });

  it('says what is denied', async () => {
    double.fault({ fault: { kind: 'denied' }, on: { action: 'DescribeAlarms' } });
    const { code, stderr } = await mailctl('alarms');
    expect(code).toBe(2);
    expect(stderr).toMatch(/cloudwatch:DescribeAlarms[\s\S]+fix: ask for the permission/);
  });
});

describe('mailctl alarms test', () => {
  it.each([['key-old'], ['keybuzz-mail-dev-key-old']])('lets it ring, as a test: %s', async (name) => {
    const { code, stdout, stderr } = await mailctl('--yes', 'alarms', 'test', name);
    expect([code, stdout]).toEqual([0, expect.stringContaining('key-old rings.')]);
    expect(stderr).toContain('keybuzz-mail-alarms-dev get a message that keybuzz-mail-dev-key-old rings');
    expect(stateOf('key-old')).toMatchObject({
      state: 'ALARM',
      stateReason: expect.stringContaining('Nothing is wrong'),
    });
    expect([...double.account.alarms.values()].filter(({ state }) => state === 'ALARM')).toHaveLength(1);
  });

  it('does nothing without a yes', async () => {
    const { code, stdout } = await mailctl('--json', 'alarms', 'test', 'key-old');
    expect([code, dataOf(stdout).outcome]).toEqual([1, 'not-confirmed']);
    expect(stateOf('key-old')?.state).toBe('OK');
  });

  it.each([
    ['rings already', { state: 'ALARM', stateReason: 'true' }, 'mailctl alarms'],
    ['is silenced', { actionsEnabled: false }, 'mailctl doctor --only alarms'],
    ['has no action', { actions: [] }, 'mailctl doctor --only alarms'],
  ] as const)('says that no message would be sent by an alarm that %s', async (_what, changes, expected) => {
    change('key-old', changes);
    const before = stateOf('key-old');
    const { code, stdout } = await mailctl('--yes', '--json', 'alarms', 'test', 'key-old');
    expect([code, dataOf(stdout)]).toEqual([
      1,
      expect.objectContaining({ outcome: 'no-message', detail: expect.stringContaining(expected) }),
    ]);
    expect(stateOf('key-old')).toEqual(before);
  });

  it('lists the existing alarms if the name is unknown', async () => {
    const { code, stdout } = await mailctl('--yes', '--json', 'alarms', 'test', 'dead-letter');
    expect([code, JSON.parse(stdout).error]).toEqual([
      2,
      expect.objectContaining({ code: 'NO_SUCH_ALARM', fix: expect.stringContaining('dead-letters') }),
    ]);
  });
});

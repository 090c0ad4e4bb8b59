import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../../../lib/common/time.ts';
import type { Alarm } from '../../../support/aws-account/aws-account.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';

const TOPIC = 'keybuzz-mail-alarms-dev';
const topicArn = (name: string) => `arn:aws:sns:eu-west-1:123456789012:${name}`;

let double: AwsAccountDouble;

beforeEach(async () => {
  const account = deployedAccount({ alarms: 'all', at: new Date(Date.now() - 2 * HOUR_MS) });
  double = await startAwsAccount({ account });
});

afterEach(() => double.close());

function change(name: string, changes: Partial<Alarm>): void {
  const alarm = double.account.alarms.get(`keybuzz-mail-dev-${name}`);
  if (alarm === undefined) throw new Error(`there is no alarm ${name}`);
  double.account.add({ alarms: [{ ...alarm, ...changes }] });
}

function subscribe(confirmed: boolean, topic = TOPIC): void {
  const subscription = { protocol: 'email', endpoint: 'operator@example.org', confirmed };
  double.account.add({ topics: [{ arn: topicArn(topic), subscriptions: [subscription] }] });
}

async function examine(name: string) {
  const args = ['--json', 'doctor', '--only', 'alarms'];
  const { stdout } = await runMailctl(args, double.environment);
  const { checks }: { checks: { name: string; status: string; detail: string; fix?: string }[] } =
    dataOf(stdout);
  return checks.find((check) => check.name === name);
}

describe('mailctl doctor, on the subscribers of the alarms', () => {
  it('names all alarms at once, the topic, and both ways to subscribe', async () => {
    const check = await examine('subscribers');
    expect(check).toMatchObject({
      status: 'warn',
      detail: `no one is notified of all 20 alarms: the topic ${TOPIC} has no subscriber`,
    });
    expect(check?.fix).toMatch(
      /^aws sns subscribe --topic-arn \S+ .+set alarmEmail .+npm run deploy .+follow the link/,
    );
  });

  it('does not count an unconfirmed subscription', async () => {
    subscribe(false);
    expect(await examine('subscribers')).toMatchObject({
      status: 'warn',
      detail: `no one is notified of all 20 alarms: no subscription is confirmed for the topic ${TOPIC}`,
      fix: expect.stringContaining('o***@example.org'),
    });
  });

  it('does not show a webhook URL that others could call', async () => {
    const endpoint = 'https://user:word@events.example.org/integration/0123456789abcdef/enqueue?key=fedcba';
    const subscription = { protocol: 'https', endpoint, confirmed: false };
    double.account.add({ topics: [{ arn: topicArn(TOPIC), subscriptions: [subscription] }] });
    const { fix = '' } = (await examine('subscribers')) ?? {};
    expect(fix).toContain('AWS has sent to the subscriber (https, events.example.org);');
    expect(fix).not.toMatch(/word|0123456789|fedcba|in the mail/);
  });

  it('names alarms without a subscriber, each with its reason', async () => {
    subscribe(true);
    subscribe(false, 'other');
    change('dead-letters', { actions: [] });
    change('key-old', { actionsEnabled: false });
    change('quota-near', { actions: [topicArn('other')] });
    change('bounce-rate', { actions: [topicArn('other')] });
    change('complaint-rate', { actions: [topicArn('other'), topicArn(TOPIC)] });
    const { detail = '' } = (await examine('subscribers')) ?? {};
    expect(detail.split('; ').sort()).toEqual([
      'no one is notified of dead-letters (1 of 20 alarms): they have no topic',
      'no one is notified of key-old (1 of 20 alarms): its actions are switched off',
      'no one is notified of quota-near, bounce-rate (2 of 20 alarms): no subscription is confirmed for the topic other',
    ]);
  });

  it('passes if each alarm has a confirmed subscriber', async () => {
    subscribe(true);
    expect(await examine('subscribers')).toMatchObject({
      status: 'ok',
      detail: 'of 20 deployed, each has a confirmed subscriber',
    });
  });
});

describe('mailctl doctor, on what rings', () => {
  it('is well where nothing rings', async () => {
    expect(await examine('ringing')).toMatchObject({ status: 'ok', detail: 'none of 20' });
  });

  it('lists the critical alarms first, since when and why', async () => {
    const changedAt = new Date(Date.now() - 25 * 60 * 1000);
    change('fallback-in-use', { state: 'ALARM', stateReason: 'Threshold Crossed: two.' });
    change('dead-letters', { state: 'ALARM', stateReason: 'Threshold Crossed: one.', changedAt });
    change('quota-near', { state: 'INSUFFICIENT_DATA' });
    const { detail = '', status } = (await examine('ringing')) ?? {};
    expect(status).toBe('fail');
    expect(detail.split('; ')).toEqual([
      expect.stringMatching(/^dead-letters \[critical\] since .*\d\d:\d\d UTC \(25m ago\): one$/),
      expect.stringMatching(/^fallback-in-use \[warning\] since .*\d\d:\d\d UTC \(2h 0m ago\): two$/),
      'quota-near cannot ring: the account-metrics function publishes no value for it',
    ]);
  });

  it('calls CloudWatch once for both', async () => {
    await examine('ringing');
    expect(double.callsOf({ action: 'DescribeAlarms' })).toBe(1);
  });
});

describe('mailctl doctor, on the runbook', () => {
  it('warns that runbookUrl is empty, so that alarms name a file', async () => {
    expect(await examine('runbook')).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/^all 20 alarms name docs\/runbook\.md.*runbookUrl is empty/),
      fix: expect.stringMatching(/^set runbookUrl in cdk\.json.*npm run deploy.*mailctl runbook$/),
    });
  });

  it('is content with a link', async () => {
    const linked = deployedAccount({ alarms: 'all', runbookUrl: 'https://wiki.example/runbook' });
    double.account.add({ alarms: [...linked.alarms.values()] });

    expect(await examine('runbook')).toMatchObject({ status: 'ok' });
  });
});

import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandInput,
  paginateDescribeAlarms,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  paginateListSubscriptionsByTopic,
  SNSClient,
} from '@aws-sdk/client-sns';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { type Alarm, AwsAccount } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:alarms';

const anAlarm = (name: string, changes: Partial<Alarm> = {}): Alarm => ({
  name,
  state: 'OK',
  actions: [TOPIC],
  changedAt: AT,
  ...changes,
});

describe('alarms', () => {
  const ALARMS = [
    anAlarm('mail-dead-letters', { state: 'ALARM', stateReason: 'Threshold crossed', actionsEnabled: false }),
    anAlarm('mail-age'),
    anAlarm('other', { actions: [] }),
  ];

  async function names(input: DescribeAlarmsCommandInput): Promise<unknown[]> {
    const client = clientOf(await runAccount(new AwsAccount().add({ alarms: ALARMS })), CloudWatchClient);
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand(input));
    return (MetricAlarms ?? []).map(({ AlarmName }) => AlarmName);
  }

  it('are described with their state and their actions', async () => {
    const client = clientOf(await runAccount(new AwsAccount().add({ alarms: ALARMS })), CloudWatchClient);
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({}));
    expect(MetricAlarms).toHaveLength(3);
    expect(MetricAlarms?.[0]).toMatchObject({
      AlarmName: 'mail-dead-letters',
      AlarmArn: 'arn:aws:cloudwatch:eu-west-1:123456789012:alarm:mail-dead-letters',
      StateValue: 'ALARM',
      StateReason: 'Threshold crossed',
      StateUpdatedTimestamp: AT,
      ActionsEnabled: false,
      AlarmActions: [TOPIC],
    });
    expect(MetricAlarms?.[1]?.ActionsEnabled).toBe(true);
  });

  it('are chosen by name, prefix, state and action', async () => {
    expect(await names({ AlarmNames: ['other', 'missing'] })).toEqual(['other']);
    expect(await names({ AlarmNamePrefix: 'mail-' })).toEqual(['mail-dead-letters', 'mail-age']);
    expect(await names({ StateValue: 'ALARM' })).toEqual(['mail-dead-letters']);
    expect(await names({ ActionPrefix: 'arn:aws:sns' })).toEqual(['mail-dead-letters', 'mail-age']);
    expect(await names({ AlarmTypes: ['CompositeAlarm'] })).toEqual([]);
  });

  it('can be set to ring manually, with a reason, from that moment on', async () => {
    const double = await runAccount(new AwsAccount().add({ alarms: ALARMS }));
    const client = clientOf(double, CloudWatchClient);
    const ring = (AlarmName: string) =>
      client.send(new SetAlarmStateCommand({ AlarmName, StateValue: 'ALARM', StateReason: 'a test' }));
    await ring('mail-age');
    await ring('mail-dead-letters');
    const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }));
    expect(MetricAlarms).toMatchObject([
      { AlarmName: 'mail-dead-letters', StateReason: 'a test', StateTransitionedTimestamp: AT },
      { AlarmName: 'mail-age', StateReason: 'a test', AlarmActions: [TOPIC] },
    ]);
    expect(MetricAlarms[1]?.StateTransitionedTimestamp?.getTime()).toBeGreaterThan(AT.getTime());
    expect(await errorOf(ring('missing'))).toMatchObject({ name: 'ResourceNotFound', status: 404 });
  });

  it('are returned in pages of fifty', async () => {
    const alarms = Array.from({ length: 51 }, (_, index) => anAlarm(`mail-${index}`));
    const client = clientOf(await runAccount(new AwsAccount().add({ alarms })), CloudWatchClient);
    const sizes: unknown[] = [];
    for await (const page of paginateDescribeAlarms({ client }, {})) sizes.push(page.MetricAlarms?.length);
    expect(sizes).toEqual([50, 1]);
  });
});

describe('a topic', () => {
  const withTopic = () =>
    new AwsAccount().add({
      topics: [
        {
          arn: TOPIC,
          subscriptions: [
            { protocol: 'email', endpoint: 'ops@example.org', confirmed: false },
            { protocol: 'email', endpoint: 'owner@example.org', confirmed: true },
          ],
        },
      ],
    });

  it('lists confirmed and pending subscriptions', async () => {
    const double = await runAccount(withTopic());
    const client = clientOf(double, SNSClient);
    const { Subscriptions } = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: TOPIC }));
    expect(Subscriptions).toMatchObject([
      { SubscriptionArn: 'PendingConfirmation', Endpoint: 'ops@example.org', Protocol: 'email' },
      { SubscriptionArn: expect.stringContaining(`${TOPIC}:`), Endpoint: 'owner@example.org' },
    ]);
    const { Attributes } = await client.send(new GetTopicAttributesCommand({ TopicArn: TOPIC }));
    expect(Attributes).toMatchObject({
      TopicArn: TOPIC,
      SubscriptionsConfirmed: '1',
      SubscriptionsPending: '1',
    });
    const pending = double.account.topics.get(TOPIC)?.subscriptions[0];
    if (pending !== undefined) pending.confirmed = true;
    const later = await client.send(new GetTopicAttributesCommand({ TopicArn: TOPIC }));
    expect(later.Attributes).toMatchObject({ SubscriptionsConfirmed: '2', SubscriptionsPending: '0' });
  });

  it('lists its subscriptions in pages', async () => {
    const double = await runAccount(withTopic());
    double.account.pageSize = 1;
    const client = clientOf(double, SNSClient);
    const seen: unknown[] = [];
    for await (const page of paginateListSubscriptionsByTopic({ client }, { TopicArn: TOPIC })) {
      seen.push(page.Subscriptions?.map(({ Endpoint }) => Endpoint));
    }
    expect(seen).toEqual([['ops@example.org'], ['owner@example.org']]);
  });

  it('is not found if it does not exist', async () => {
    const client = clientOf(await runAccount(), SNSClient);
    for (const command of [GetTopicAttributesCommand, ListSubscriptionsByTopicCommand]) {
      const error = await errorOf(client.send(new command({ TopicArn: TOPIC })));
      expect(error).toEqual({ name: 'NotFoundException', message: 'Topic does not exist', status: 404 });
    }
  });
});

import { type CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { paginateListSubscriptionsByTopic, type SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import { maskAddressesIn } from '../../../message/address.ts';
import type { DeploymentName } from '../../deployment.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, ok, warn } from '../check.ts';

/** Whether anybody hears an alarm. */
export const ALARM_CHECK: Check = {
  group: 'alarms',
  name: 'subscribers',
  run: async ({ aws, deployment, commands }, signal) => {
    const alarms = await alarmsOf(await aws.cloudWatch(), deployment, signal);
    if (alarms.length === 0) return warn('none are deployed', commands.deploy);
    const silent = alarms.filter((alarm) => topicsOf(alarm).length === 0);
    const [deaf] = silent;
    if (deaf !== undefined) {
      const told = `${silent.length} of ${alarms.length} alarms tell nobody: ${namesOf(silent)}`;
      return warn(told, enableActions(deaf, commands));
    }
    const topics = [...new Set(alarms.flatMap(topicsOf))];
    const sns = await aws.sns();
    const results = await Promise.all(topics.map((topic) => judgeTopic(sns, topic, commands, signal)));
    const heard = `of ${alarms.length} deployed, each has a confirmed subscriber`;
    return results.find(({ status }) => status === 'warn') ?? ok(heard);
  },
};

/** All names of a deployment begin with the project and carry the stage. */
async function alarmsOf(
  client: CloudWatchClient,
  { project, stage }: DeploymentName,
  signal: AbortSignal,
): Promise<MetricAlarm[]> {
  const alarms: MetricAlarm[] = [];
  const asked = { AlarmNamePrefix: `${project}-mail-` };
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, asked, {
    abortSignal: signal,
  })) {
    alarms.push(...MetricAlarms);
  }
  return alarms.filter(({ AlarmName = '' }) => AlarmName.split('-').includes(stage));
}

function topicsOf({ ActionsEnabled, AlarmActions = [] }: MetricAlarm): string[] {
  return ActionsEnabled === false ? [] : AlarmActions.filter((action) => /^arn:[^:]*:sns:/.test(action));
}

function enableActions({ AlarmName = '', ActionsEnabled }: MetricAlarm, commands: MendCommands): string {
  return ActionsEnabled === false
    ? commands.aws(`cloudwatch enable-alarm-actions --alarm-names ${AlarmName}`)
    : commands.deploy;
}

async function judgeTopic(
  client: SNSClient,
  topic: string,
  commands: MendCommands,
  signal: AbortSignal,
): Promise<CheckResult> {
  const subscriptions = await subscriptionsOf(client, topic, signal);
  const name = topic.split(':').at(-1);
  const subscribe = commands.aws(
    `sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint YOU@example.org`,
  );
  if (subscriptions === undefined)
    return warn(`the topic ${name} of the alarms is gone`, commands.driftedStack);
  if (subscriptions.some(isConfirmed)) return ok(`${name} has a confirmed subscriber`);
  const [pending] = subscriptions;
  if (pending === undefined) return warn(`nobody has subscribed to ${name}`, subscribe);
  const who = maskAddressesIn(pending.Endpoint ?? '');
  return warn(
    `nobody has confirmed the subscription to ${name}`,
    `follow the link in the mail from AWS to ${who}; it is good for two days, then: ${subscribe}`,
  );
}

/** Undefined where there is no such topic. */
async function subscriptionsOf(client: SNSClient, topic: string, signal: AbortSignal) {
  const subscriptions: Subscription[] = [];
  const pages = paginateListSubscriptionsByTopic({ client }, { TopicArn: topic }, { abortSignal: signal });
  try {
    for await (const { Subscriptions = [] } of pages) subscriptions.push(...Subscriptions);
    return subscriptions;
  } catch (error) {
    if (['NotFound', 'NotFoundException'].includes(awsErrorCode(error))) return undefined;
    throw error;
  }
}

/** In place of an ARN stand `PendingConfirmation` and `Deleted`. */
const isConfirmed = ({ SubscriptionArn = '' }: Subscription) => SubscriptionArn.startsWith('arn:');

const namesOf = (alarms: readonly MetricAlarm[]) => alarms.map(({ AlarmName }) => AlarmName).join(', ');

import { paginateListSubscriptionsByTopic, type SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import { maskAddressesIn } from '../../../message/address.ts';
import type { DeployedAlarm } from '../../alarms/deployed-alarm.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, ok, warn } from '../check.ts';

/** Whether anybody hears each alarm. */
export const ALARM_SUBSCRIBERS_CHECK: Check = {
  group: 'alarms',
  name: 'subscribers',
  run: async ({ aws, commands, lookups }, signal) => {
    const alarms = await lookups.alarms();
    if (alarms.length === 0) {
      const mend = `set alarms to essential and alarmEmail to your address in cdk.json, then ${commands.deploy}, and follow the link in the mail from AWS`;
      return warn('none are deployed: nobody is told when mail stops', mend);
    }
    const sns = await aws.sns();
    const topics = [...new Set(alarms.flatMap((alarm) => alarm.topics))];
    const deaf = await Promise.all(topics.map((topic) => deafnessOf(sns, topic, commands, signal)));
    return judge(alarms, new Map(topics.map((topic, index) => [topic, deaf[index]])), commands);
  },
};

/** Why nobody hears something, and what mends it. */
interface Deafness {
  readonly because: string;
  readonly mend: string;
}

/** @param deafTopics undefined for those that somebody hears */
function judge(
  alarms: readonly DeployedAlarm[],
  deafTopics: ReadonlyMap<string, Deafness | undefined>,
  commands: MendCommands,
): CheckResult {
  const unheard = alarms.flatMap((alarm) => {
    const deafness = deafnessOfAlarm(alarm, deafTopics, commands);
    return deafness === undefined ? [] : [{ alarm, ...deafness }];
  });
  const [first] = unheard;
  if (first === undefined) return ok(`of ${alarms.length} deployed, each has a confirmed subscriber`);
  const told = [...Map.groupBy(unheard, ({ because }) => because)].map(([because, group]) => {
    const names = group.map(({ alarm }) => alarm.name);
    return `nobody hears ${namesOf(names, alarms.length)}: ${because}`;
  });
  return warn(told.join('; '), first.mend);
}

function namesOf(names: readonly string[], all: number): string {
  if (names.length === all) return all === 1 ? `the only alarm, ${names[0]}` : `all ${all} alarms`;
  return `${names.join(', ')} (${names.length} of ${all} alarms)`;
}

/** One topic that somebody hears is enough. */
function deafnessOfAlarm(
  { fullName, actionsEnabled, topics }: DeployedAlarm,
  deafTopics: ReadonlyMap<string, Deafness | undefined>,
  commands: MendCommands,
): Deafness | undefined {
  if (!actionsEnabled) {
    const mend = commands.aws(`cloudwatch enable-alarm-actions --alarm-names ${fullName}`);
    return { because: 'its actions are switched off', mend };
  }
  if (topics.length === 0) return { because: 'no topic is told', mend: commands.deploy };
  const deafnesses = topics.map((topic) => deafTopics.get(topic));
  return deafnesses.includes(undefined) ? undefined : deafnesses[0];
}

/** Undefined where somebody has confirmed a subscription. */
async function deafnessOf(
  client: SNSClient,
  topic: string,
  commands: MendCommands,
  signal: AbortSignal,
): Promise<Deafness | undefined> {
  const subscriptions = await subscriptionsOf(client, topic, signal);
  const name = topic.split(':').at(-1);
  if (subscriptions === undefined) {
    return { because: `the topic ${name} is gone`, mend: commands.driftedWatchStack };
  }
  if (subscriptions.some(isConfirmed)) return undefined;
  const subscribe = commands.aws(
    `sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint YOU@example.org`,
  );
  const [pending] = subscriptions;
  if (pending === undefined) {
    const byStack = `set alarmEmail to your address in cdk.json and run ${commands.deploy}`;
    return {
      because: `the topic ${name} has no subscriber`,
      mend: `${subscribe}, or ${byStack}; then follow the link in the mail from AWS`,
    };
  }
  return {
    because: `nobody has confirmed the subscription to the topic ${name}`,
    mend: `${confirmText(pending)}; it is good for two days, then: ${subscribe}`,
  };
}

/** What follows the host of a URL lets whoever knows it raise alarms there: it is not shown. */
function confirmText({ Protocol: protocol = '', Endpoint: endpoint = '' }: Subscription): string {
  if (protocol.startsWith('email'))
    return `follow the link in the mail from AWS to ${maskAddressesIn(endpoint)}`;
  const host = /^https?:\/\/(?:[^/?#]*@)?([^/?#@]+)/.exec(endpoint)?.[1];
  const whose = host === undefined ? protocol : `${protocol}, ${host}`;
  return `open the SubscribeURL of the message that AWS has sent to the subscriber (${whose})`;
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

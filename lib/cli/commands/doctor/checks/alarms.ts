import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { paginateListSubscriptionsByTopic, type SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { monitoringNames, monitoringStackName } from '../../../../common/names.ts';
import { maskAddressesIn } from '../../../../domain/address.ts';
import type { DeployedStack } from '../../../deployment.ts';
import type { FixHints } from '../../../hints.ts';
import {
  type AlarmSummary,
  accountMetricsLog,
  type DeployedAlarm,
  firstCommandOf,
  noDataText,
  sinceText,
  summariseAlarms,
  worstOf,
} from '../../../lookups/alarms.ts';
import {
  type Check,
  type CheckResult,
  type DoctorContext,
  fail,
  ok,
  STACKS_UNKNOWN,
  skipped,
  warn,
} from '../check.ts';

/** Which alarms ring now. */
export const ALARM_STATE_CHECK: Check = {
  group: 'alarms',
  name: 'ringing',
  run: async (context) => {
    const alarms = await context.lookups.alarms();
    // That there are none is told by the check of their subscribers.
    if (alarms.length === 0) return skipped('no alarms are deployed');
    return judgeAlarms(summariseAlarms(alarms, context.now), context);
  },
};

function judgeAlarms(news: AlarmSummary, context: DoctorContext): CheckResult {
  const worst = worstOf(news);
  if (worst === undefined) return ok(`none of ${news.quiet.length}`);
  const told = [...news.ringing.map((alarm) => ringingText(alarm, context.now)), ...blindText(news.blind)];
  return (worst === 'critical' ? fail : warn)(told.join('; '), fixFor(news, context));
}

function ringingText({ name, severity, since, reason }: DeployedAlarm, now: Date): string {
  return `${name} [${severity}] since ${sinceText(since, now)}: ${reason || 'without a reason'}`;
}

function blindText(blind: readonly DeployedAlarm[]): readonly string[] {
  const names = blind.map(({ name }) => name).join(' and ');
  return blind.length === 0 ? [] : [`${names} cannot ring: ${noDataText(blind)}`];
}

/** Of the most urgent one; the command that shows all where there are more. */
function fixFor({ ringing, blind }: AlarmSummary, { deployment, commands }: DoctorContext): string {
  const [first] = ringing;
  const fix = first === undefined ? accountMetricsLog(deployment, commands) : fixForAlarm(first, commands);
  return ringing.length + blind.length === 1 || first === undefined
    ? fix
    : `${fix}; the others: ${commands.mailctl('alarms')}`;
}

/** The first command of the alarm, and where to read on. */
function fixForAlarm(alarm: DeployedAlarm, commands: FixHints): string {
  const first = firstCommandOf(alarm, commands);
  return first === undefined ? alarm.runbook : `${first}; then ${alarm.runbook}`;
}

/** Whether anybody hears each alarm. */
export const ALARM_SUBSCRIBERS_CHECK: Check = {
  group: 'alarms',
  name: 'subscribers',
  run: async ({ aws, commands, lookups }, signal) => {
    const alarms = await lookups.alarms();
    if (alarms.length === 0) {
      const fix = `set alarms to essential and alarmEmail to your address in cdk.json, then ${commands.deploy}, and follow the link in the mail from AWS`;
      return warn('none are deployed: nobody is told when mail stops', fix);
    }
    const sns = await aws.sns();
    const topics = [...new Set(alarms.flatMap((alarm) => alarm.topics))];
    const deaf = await Promise.all(topics.map((topic) => deafnessOf(sns, topic, commands, signal)));
    return judgeSubscribers(alarms, new Map(topics.map((topic, index) => [topic, deaf[index]])), commands);
  },
};

/** Why nobody hears something, and what fixes it. */
interface Deafness {
  readonly because: string;
  readonly fix: string;
}

/** @param deafTopics undefined for those that somebody hears */
function judgeSubscribers(
  alarms: readonly DeployedAlarm[],
  deafTopics: ReadonlyMap<string, Deafness | undefined>,
  commands: FixHints,
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
  return warn(told.join('; '), first.fix);
}

function namesOf(names: readonly string[], all: number): string {
  if (names.length === all) return all === 1 ? `the only alarm, ${names[0]}` : `all ${all} alarms`;
  return `${names.join(', ')} (${names.length} of ${all} alarms)`;
}

/** One topic that somebody hears is enough. */
function deafnessOfAlarm(
  { fullName, actionsEnabled, topics }: DeployedAlarm,
  deafTopics: ReadonlyMap<string, Deafness | undefined>,
  commands: FixHints,
): Deafness | undefined {
  if (!actionsEnabled) {
    const fix = commands.aws(`cloudwatch enable-alarm-actions --alarm-names ${fullName}`);
    return { because: 'its actions are switched off', fix };
  }
  if (topics.length === 0) return { because: 'no topic is told', fix: commands.deploy };
  const deafnesses = topics.map((topic) => deafTopics.get(topic));
  return deafnesses.includes(undefined) ? undefined : deafnesses[0];
}

/** Undefined where somebody has confirmed a subscription. */
async function deafnessOf(
  client: SNSClient,
  topic: string,
  commands: FixHints,
  signal: AbortSignal,
): Promise<Deafness | undefined> {
  const subscriptions = await subscriptionsOf(client, topic, signal);
  const name = topic.split(':').at(-1);
  if (subscriptions === undefined) {
    return { because: `the topic ${name} is gone`, fix: commands.driftedMonitoringStack };
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
      fix: `${subscribe}, or ${byStack}; then follow the link in the mail from AWS`,
    };
  }
  return {
    because: `nobody has confirmed the subscription to the topic ${name}`,
    fix: `${confirmText(pending)}; it is good for two days, then: ${subscribe}`,
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

/**
 * Whether the function is there that tells the alarms of the quota and the key. Whether its schedule starts it is seen
 * by those alarms: see `ringing`.
 */
export const ACCOUNT_METRICS_CHECK: Check = {
  group: 'functions',
  name: 'account-metrics',
  run: async ({ aws, deployment, commands, lookups }, signal) => {
    let stack: DeployedStack | undefined;
    try {
      stack = (await lookups.stacks()).monitoring;
    } catch {
      return skipped(STACKS_UNKNOWN);
    }
    if (stack === undefined) return skipped(`the stack ${monitoringStackName(deployment)} is not deployed`);
    const name = monitoringNames(deployment).accountMetricsFunction;
    const found = await functionOf(await aws.lambda(), name, signal);
    if (found === undefined) {
      return warn(`there is no function ${name}: somebody has deleted it`, commands.driftedMonitoringStack);
    }
    const told = `${name}: ${found.State ?? 'of an unknown state'}`;
    const isBroken = found.State === 'Failed' || found.LastUpdateStatus === 'Failed';
    return isBroken
      ? warn(`${told}, the last update ${found.LastUpdateStatus}`, accountMetricsLog(deployment, commands))
      : ok(told);
  },
};

/** Undefined where there is no such function. */
async function functionOf(client: LambdaClient, name: string, signal: AbortSignal) {
  try {
    const command = new GetFunctionConfigurationCommand({ FunctionName: name });
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    if (awsErrorCode(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

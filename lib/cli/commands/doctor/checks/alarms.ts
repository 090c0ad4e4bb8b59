import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { paginateListSubscriptionsByTopic, type SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { groupBy } from '../../../../common/group-by.ts';
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

/** Which alarms fire now. */
export const ALARM_STATE_CHECK: Check = {
  group: 'alarms',
  name: 'ringing',
  run: async (context) => {
    const alarms = await context.lookups.alarms();
    // The subscribers check reports that there are none.
    if (alarms.length === 0) return skipped('no alarms are deployed');
    return judgeAlarms(summariseAlarms(alarms, context.now), context);
  },
};

function judgeAlarms(summary: AlarmSummary, context: DoctorContext): CheckResult {
  const worst = worstOf(summary);
  if (worst === undefined) return ok(`none of ${summary.quiet.length}`);
  const texts = [
    ...summary.ringing.map((alarm) => ringingText(alarm, context.now)),
    ...blindText(summary.blind),
  ];
  return (worst === 'critical' ? fail : warn)(texts.join('; '), fixFor(summary, context));
}

function ringingText({ name, severity, since, reason }: DeployedAlarm, now: Date): string {
  return `${name} [${severity}] since ${sinceText(since, now)}: ${reason || 'without a reason'}`;
}

function blindText(blind: readonly DeployedAlarm[]): readonly string[] {
  const names = blind.map(({ name }) => name).join(' and ');
  return blind.length === 0 ? [] : [`${names} cannot ring: ${noDataText(blind)}`];
}

/** The fix for the most urgent alarm, and the command that shows the others. */
function fixFor({ ringing, blind }: AlarmSummary, { deployment, commands }: DoctorContext): string {
  const [first] = ringing;
  const fix = first === undefined ? accountMetricsLog(deployment, commands) : fixForAlarm(first, commands);
  return ringing.length + blind.length === 1 || first === undefined
    ? fix
    : `${fix}; the others: ${commands.mailctl('alarms')}`;
}

/** The first command of the alarm, and its runbook entry. */
function fixForAlarm(alarm: DeployedAlarm, commands: FixHints): string {
  const first = firstCommandOf(alarm, commands);
  return first === undefined ? alarm.runbook : `${first}; then ${alarm.runbook}`;
}

/** Whether each alarm has a confirmed subscriber. */
export const ALARM_SUBSCRIBERS_CHECK: Check = {
  group: 'alarms',
  name: 'subscribers',
  run: async ({ aws, commands, lookups }, signal) => {
    const alarms = await lookups.alarms();
    if (alarms.length === 0) {
      const fix = `set alarms to essential and alarmEmail to your address in cdk.json, then ${commands.deploy}, and follow the link in the mail from AWS`;
      return warn('none are deployed: no one is notified when mail stops', fix);
    }
    const sns = await aws.sns();
    const topics = [...new Set(alarms.flatMap((alarm) => alarm.topics))];
    const gaps = await Promise.all(topics.map((topic) => topicGap(sns, topic, commands, signal)));
    return judgeSubscribers(alarms, new Map(topics.map((topic, index) => [topic, gaps[index]])), commands);
  },
};

/** Whether an alarm links to a page that the person on call can open. */
export const ALARM_RUNBOOK_CHECK: Check = {
  group: 'alarms',
  name: 'runbook',
  run: async ({ commands, lookups }) => {
    const alarms = await lookups.alarms();
    if (alarms.length === 0) return skipped('no alarms are deployed');
    const unlinked = alarms.filter(({ runbook }) => !/^https?:/.test(runbook));
    if (unlinked.length === 0) return ok('each alarm links to it');
    return warn(
      `${namesOf(
        unlinked.map(({ name }) => name),
        alarms.length,
      )} name docs/runbook.md, which is no link: runbookUrl is empty`,
      `set runbookUrl in cdk.json to where your team reads it, then ${commands.deploy}; until then: ${commands.mailctl('runbook')}`,
    );
  },
};

/** Why notifications reach no one, and the fix. */
interface SubscriberGap {
  readonly because: string;
  readonly fix: string;
}

/** @param topicGaps undefined for topics with a confirmed subscriber */
function judgeSubscribers(
  alarms: readonly DeployedAlarm[],
  topicGaps: ReadonlyMap<string, SubscriberGap | undefined>,
  commands: FixHints,
): CheckResult {
  const unsubscribed = alarms.flatMap((alarm) => {
    const gap = alarmGap(alarm, topicGaps, commands);
    return gap === undefined ? [] : [{ alarm, ...gap }];
  });
  const [first] = unsubscribed;
  if (first === undefined) return ok(`of ${alarms.length} deployed, each has a confirmed subscriber`);
  const texts = [...groupBy(unsubscribed, ({ because }) => because)].map(([because, group]) => {
    const names = group.map(({ alarm }) => alarm.name);
    return `no one is notified of ${namesOf(names, alarms.length)}: ${because}`;
  });
  return warn(texts.join('; '), first.fix);
}

function namesOf(names: readonly string[], all: number): string {
  if (names.length === all) return all === 1 ? `the only alarm, ${names[0]}` : `all ${all} alarms`;
  return `${names.join(', ')} (${names.length} of ${all} alarms)`;
}

/** One topic with a confirmed subscriber is enough. */
function alarmGap(
  { fullName, actionsEnabled, topics }: DeployedAlarm,
  topicGaps: ReadonlyMap<string, SubscriberGap | undefined>,
  commands: FixHints,
): SubscriberGap | undefined {
  if (!actionsEnabled) {
    const fix = commands.aws(`cloudwatch enable-alarm-actions --alarm-names ${fullName}`);
    return { because: 'its actions are switched off', fix };
  }
  if (topics.length === 0) return { because: 'they have no topic', fix: commands.deploy };
  const gaps = topics.map((topic) => topicGaps.get(topic));
  return gaps.includes(undefined) ? undefined : gaps[0];
}

/** Undefined if the topic has a confirmed subscription. */
async function topicGap(
  client: SNSClient,
  topic: string,
  commands: FixHints,
  signal: AbortSignal,
): Promise<SubscriberGap | undefined> {
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
    because: `no subscription is confirmed for the topic ${name}`,
    fix: `${confirmText(pending)}; it is good for two days, then: ${subscribe}`,
  };
}

/** Shows only the host of a URL: its path may contain the key of an incident webhook. */
function confirmText({ Protocol: protocol = '', Endpoint: endpoint = '' }: Subscription): string {
  if (protocol.startsWith('email'))
    return `follow the link in the mail from AWS to ${maskAddressesIn(endpoint)}`;
  const host = /^https?:\/\/(?:[^/?#]*@)?([^/?#@]+)/.exec(endpoint)?.[1];
  const whose = host === undefined ? protocol : `${protocol}, ${host}`;
  return `open the SubscribeURL of the message that AWS has sent to the subscriber (${whose})`;
}

/** Undefined if there is no such topic. */
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

/** Unconfirmed subscriptions have `PendingConfirmation` or `Deleted` instead of an ARN. */
const isConfirmed = ({ SubscriptionArn = '' }: Subscription) => SubscriptionArn.startsWith('arn:');

/**
 * Whether the function that publishes the quota and key metrics exists. Whether its schedule runs shows in
 * their alarms: see `ringing`.
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
      return warn(`there is no function ${name}: it was deleted by hand`, commands.driftedMonitoringStack);
    }
    const text = `${name}: ${found.State ?? 'of an unknown state'}`;
    const isBroken = found.State === 'Failed' || found.LastUpdateStatus === 'Failed';
    return isBroken
      ? warn(`${text}, the last update ${found.LastUpdateStatus}`, accountMetricsLog(deployment, commands))
      : ok(text);
  },
};

/** Undefined if there is no such function. */
async function functionOf(client: LambdaClient, name: string, signal: AbortSignal) {
  try {
    const command = new GetFunctionConfigurationCommand({ FunctionName: name });
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    if (awsErrorCode(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

import { type CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import {
  type EventSourceMappingConfiguration,
  type LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import type { ResourceName } from '../../../deployment.ts';
import type { FixHints } from '../../../hints.ts';
import { type Check, type CheckResult, type DoctorContext, fail, ok, resourceCheck, warn } from '../check.ts';

/** If the oldest message is older, the consumer is down or too slow. */
const OLD_SECONDS = 15 * 60;

/** If the age is unknown, this many messages count as a backlog. */
const MANY = 1_000;

type QueueFix = (commands: FixHints) => string;

const startWorker: QueueFix = () =>
  "see that the API's worker runs, with RECEIPTS_QUEUE_URL set: kubectl logs deployment/outbound-worker";

/** Backlog of the work queues. */
export const QUEUE_CHECKS: readonly Check[] = [
  queueCheck('fallback', 'fallbackQueue', lookAtLog('resend')),
  queueCheck('urgent', 'urgentQueue', lookAtLog('resend')),
  resourceCheck({ group: 'queues', name: 'held', resource: 'heldQueue', run: judgeHeld }),
  queueCheck('feedback', 'feedbackQueue', lookAtLog('feedback')),
  queueCheck('receipts', 'receiptsQueue', startWorker),
];

function lookAtLog(name: string): QueueFix {
  return (commands) =>
    `see why the ${name} function does not keep up: ${commands.mailctl('doctor --only functions,sending')}`;
}

function queueCheck(name: string, resource: ResourceName, fix: QueueFix): Check {
  return resourceCheck({
    group: 'queues',
    name,
    resource,
    run: async (url, context, signal) => {
      const counts = await countQueue(await context.aws.sqs(), url, signal);
      if (counts.waiting === 0) return ok(countsText(counts));
      return judgeQueue(counts, await ageOf(counts, context, signal), fix(context.commands));
    },
  });
}

/** Each mail in it is one that the fuse holds, in flight or not. */
async function judgeHeld(url: string, { aws, commands }: DoctorContext, signal: AbortSignal) {
  const { waiting, hidden } = await countQueue(await aws.sqs(), url, signal);
  const count = waiting + hidden;
  return count === 0
    ? ok('none')
    : warn(`mails that the reputation fuse holds: ${count}`, commands.mailctl('fuse'));
}

async function ageOf({ arn }: QueueCounts, { aws, now }: DoctorContext, signal: AbortSignal) {
  return oldestAgeSeconds(await aws.cloudWatch(), arn.split(':').at(-1) ?? '', now, signal);
}

function judgeQueue(counts: QueueCounts, ageSeconds: number | undefined, fix: string): CheckResult {
  const age = ageSeconds === undefined ? 'age unknown' : `the oldest for ${Math.round(ageSeconds / 60)} min`;
  const detail = `${countsText(counts)}; ${age}`;
  const isBacklog = ageSeconds === undefined ? counts.waiting >= MANY : ageSeconds >= OLD_SECONDS;
  return isBacklog ? warn(detail, fix) : ok(detail);
}

const countsText = ({ waiting, hidden }: QueueCounts) => `${waiting} waiting, ${hidden} in work or for later`;

/** @param arn of the DLQ */
type DeadLettersFix = (commands: FixHints, arn: string) => string;

/** Redrives them to their source queue, to be processed again. */
const moveBack: DeadLettersFix = (commands, arn) =>
  commands.aws(`sqs start-message-move-task --source-arn ${arn}`);

/** Dead letters, which wait for an operator. */
export const DEAD_LETTER_CHECKS: readonly Check[] = [
  deadLetterCheck('dead-letters', 'fallbackDeadLetters', 'mails that were not delivered', (commands) =>
    commands.mailctl('dlq ls'),
  ),
  deadLetterCheck(
    'feedback-dead-letters',
    'feedbackDeadLetters',
    'events of SES that were not applied',
    moveBack,
  ),
  deadLetterCheck('receipts-dead-letters', 'receiptsDeadLetters', 'receipts that no row has', moveBack),
];

function deadLetterCheck(name: string, resource: ResourceName, what: string, fix: DeadLettersFix): Check {
  return resourceCheck({
    group: 'queues',
    name,
    resource,
    run: async (url, { aws, commands }, signal) => {
      const { arn, waiting, hidden } = await countQueue(await aws.sqs(), url, signal);
      // Messages that are in flight, such as during a scan, still count.
      const count = waiting + hidden;
      return count === 0 ? ok('none') : warn(`${what}: ${count}`, fix(commands, arn));
    },
  });
}

/** Whether the event source mappings of the functions are enabled. */
export const EVENT_SOURCE_CHECKS: readonly Check[] = [
  eventSourceCheck('resend-source', 'resendFunction', 3),
  eventSourceCheck('feedback-source', 'feedbackFunction', 1),
];

/**
 * What one invocation sends in a second: it works ten mails side by side, each waiting for SES and DynamoDB. Measured
 * with SES at 80 ms and DynamoDB at 8 ms.
 */
const SENDS_PER_SECOND = 40;

/** Whether so many invocations of one queue can use the account's rate. */
export const CONCURRENCY_CHECK = resourceCheck({
  group: 'functions',
  name: 'resend-concurrency',
  resource: 'resendFunction',
  run: async (functionName, { aws, lookups, commands }, signal) => {
    const [mappings = [], { SendQuota }] = await Promise.all([
      mappingsOf(await aws.lambda(), functionName, signal),
      lookups.sesAccount(),
    ]);
    const most = mappings.map(
      ({ ScalingConfig }) => ScalingConfig?.MaximumConcurrency ?? Number.POSITIVE_INFINITY,
    );
    const rate = SendQuota?.MaxSendRate ?? 0;
    const needed = Math.ceil(rate / SENDS_PER_SECOND);
    const largest = Math.max(...most);
    if (largest >= needed) return ok(`enough for the ${rate} a second that SES allows`);
    return warn(
      `${largest} invocations at a time send about ${largest * SENDS_PER_SECOND} a second; SES allows ${rate}`,
      `set "maximumConcurrency" to ${needed} in cdk.json; then ${commands.deploy}`,
    );
  },
});

/** @param sources how many queues feed the function */
function eventSourceCheck(name: string, resource: ResourceName, sources: number): Check {
  return resourceCheck({
    group: 'functions',
    name,
    resource,
    run: async (functionName, { aws, commands }, signal) => {
      const mappings = await mappingsOf(await aws.lambda(), functionName, signal);
      if (mappings === undefined) {
        return fail(`there is no function ${functionName}: it was deleted by hand`, commands.driftedStack);
      }
      if (mappings.length === 0) return fail(`no queue feeds ${functionName}`, commands.driftedStack);
      if (mappings.length < sources) {
        const fed = mappings.map(({ EventSourceArn = '' }) => EventSourceArn.split(':').at(-1)).join(', ');
        return fail(
          `only ${mappings.length} of ${sources} queues feed ${functionName}: ${fed}`,
          commands.driftedStack,
        );
      }
      return worstOf(mappings.map((mapping) => judgeEventSource(mapping, functionName, commands)));
    },
  });
}

/** The first that is as bad as any; of several that are well, what each says. */
function worstOf(results: readonly CheckResult[]): CheckResult {
  const bad = (['fail', 'warn'] as const).map((status) => results.find((one) => one.status === status));
  return bad.find((one) => one !== undefined) ?? ok(results.map(({ detail }) => detail).join('; '));
}

/** Undefined if there is no such function. */
async function mappingsOf(client: LambdaClient, functionName: string, signal: AbortSignal) {
  const mappings: EventSourceMappingConfiguration[] = [];
  const pages = paginateListEventSourceMappings(
    { client },
    { FunctionName: functionName },
    { abortSignal: signal },
  );
  try {
    for await (const { EventSourceMappings = [] } of pages) mappings.push(...EventSourceMappings);
    return mappings;
  } catch (error) {
    if (awsErrorCode(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html */
function judgeEventSource(
  {
    UUID = '',
    State = 'unknown',
    EventSourceArn = '',
    LastProcessingResult = '',
  }: EventSourceMappingConfiguration,
  functionName: string,
  commands: FixHints,
): CheckResult {
  const text = `${EventSourceArn.split(':').at(-1)} to ${functionName}: ${State}`;
  switch (State) {
    case 'Enabled':
      return /^PROBLEM/i.test(LastProcessingResult)
        ? fail(
            `${text}; ${LastProcessingResult}`,
            commands.aws(`logs tail /aws/lambda/${functionName} --since 1h`),
          )
        : ok(text);
    case 'Creating':
    case 'Enabling':
    case 'Updating':
      return warn(text, `wait a minute, then ${commands.mailctl('doctor --only functions')}`);
    default:
      return fail(text, commands.aws(`lambda update-event-source-mapping --uuid ${UUID} --enabled`));
  }
}

const PERIOD_SECONDS = 60;
/** SQS publishes every minute, with a delay of a few minutes. */
const WINDOW_MS = 10 * 60 * 1000;

/**
 * Age of a queue's oldest message in seconds; undefined if CloudWatch has no data or the call fails: the age
 * only grades a backlog, and a failure must not hide that there is one.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
export async function oldestAgeSeconds(
  cloudWatch: CloudWatchClient,
  queueName: string,
  now: Date,
  signal: AbortSignal,
): Promise<number | undefined> {
  const command = new GetMetricStatisticsCommand({
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateAgeOfOldestMessage',
    Dimensions: [{ Name: 'QueueName', Value: queueName }],
    StartTime: new Date(now.getTime() - WINDOW_MS),
    EndTime: now,
    Period: PERIOD_SECONDS,
    Statistics: ['Maximum'],
  });
  try {
    const { Datapoints = [] } = await cloudWatch.send(command, { abortSignal: signal });
    const [newest] = Datapoints.toSorted(
      (one, other) => (other.Timestamp?.getTime() ?? 0) - (one.Timestamp?.getTime() ?? 0),
    );
    return newest?.Maximum;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

interface QueueCounts {
  readonly arn: string;
  /** Visible. */
  readonly waiting: number;
  /** In flight or delayed. */
  readonly hidden: number;
}

/** Approximate counts of SQS, up to a minute old. @throws SDK errors */
async function countQueue(sqs: SQSClient, url: string, signal: AbortSignal): Promise<QueueCounts> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: [
        'QueueArn',
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
    { abortSignal: signal },
  );
  return {
    arn: Attributes.QueueArn ?? '',
    waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    hidden:
      Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0) +
      Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}

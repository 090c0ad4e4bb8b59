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

/** Older than this, nobody works on the queue, or not fast enough. */
const OLD_SECONDS = 15 * 60;

/** Where the age is not known, so many are a backlog. */
const MANY = 1_000;

type QueueFix = (commands: FixHints) => string;

const startWorker: QueueFix = () =>
  "see that the API's worker runs, with RECEIPTS_QUEUE_URL set: kubectl logs deployment/outbound-worker";

/** What waits to be worked. */
export const QUEUE_CHECKS: readonly Check[] = [
  queueCheck('fallback', 'fallbackQueue', lookAtLog('resend')),
  queueCheck('feedback', 'feedbackQueue', lookAtLog('feedback')),
  queueCheck('receipts', 'receiptsQueue', startWorker),
];

function lookAtLog(part: string): QueueFix {
  return (commands) =>
    `see why the ${part} function does not keep up: ${commands.mailctl('doctor --only functions,sending')}`;
}

function queueCheck(name: string, resource: ResourceName, fix: QueueFix): Check {
  return resourceCheck({
    group: 'queues',
    name,
    resource,
    run: async (url, context, signal) => {
      const counts = await countQueue(await context.aws.sqs(), url, signal);
      if (counts.waiting === 0) return ok(toldCounts(counts));
      return judgeQueue(counts, await ageOf(counts, context, signal), fix(context.commands));
    },
  });
}

async function ageOf({ arn }: QueueCounts, { aws, now }: DoctorContext, signal: AbortSignal) {
  return oldestAgeSeconds(await aws.cloudWatch(), arn.split(':').at(-1) ?? '', now, signal);
}

function judgeQueue(counts: QueueCounts, ageSeconds: number | undefined, fix: string): CheckResult {
  const age = ageSeconds === undefined ? 'age unknown' : `the oldest for ${Math.round(ageSeconds / 60)} min`;
  const detail = `${toldCounts(counts)}; ${age}`;
  const isBacklog = ageSeconds === undefined ? counts.waiting >= MANY : ageSeconds >= OLD_SECONDS;
  return isBacklog ? warn(detail, fix) : ok(detail);
}

const toldCounts = ({ waiting, hidden }: QueueCounts) => `${waiting} waiting, ${hidden} in work or for later`;

/** @param arn of the queue of the dead letters */
type DeadLettersFix = (commands: FixHints, arn: string) => string;

/** They lie where they came from once more, and are worked anew. */
const moveBack: DeadLettersFix = (commands, arn) =>
  commands.aws(`sqs start-message-move-task --source-arn ${arn}`);

/** What waits for a person. */
export const DEAD_LETTER_CHECKS: readonly Check[] = [
  deadLetterCheck('dead-letters', 'fallbackDeadLetters', 'mails that nobody got', (commands) =>
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
      // Those that somebody looks at just now are hidden, and there all the same.
      const count = waiting + hidden;
      return count === 0 ? ok('none') : warn(`${what}: ${count}`, fix(commands, arn));
    },
  });
}

/** Whether Lambda polls the queues for the functions. */
export const EVENT_SOURCE_CHECKS: readonly Check[] = [
  eventSourceCheck('resend-source', 'resendFunction'),
  eventSourceCheck('feedback-source', 'feedbackFunction'),
];

function eventSourceCheck(name: string, resource: ResourceName): Check {
  return resourceCheck({
    group: 'functions',
    name,
    resource,
    run: async (functionName, { aws, commands }, signal) => {
      const mappings = await mappingsOf(await aws.lambda(), functionName, signal);
      if (mappings === undefined) {
        return fail(`there is no function ${functionName}: somebody has deleted it`, commands.driftedStack);
      }
      const [mapping] = mappings;
      if (mapping === undefined) return fail(`no queue feeds ${functionName}`, commands.driftedStack);
      return judgeEventSource(mapping, functionName, commands);
    },
  });
}

/** Undefined where there is no such function. */
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
  const told = `${EventSourceArn.split(':').at(-1)} to ${functionName}: ${State}`;
  switch (State) {
    case 'Enabled':
      return /^PROBLEM/i.test(LastProcessingResult)
        ? fail(
            `${told}; ${LastProcessingResult}`,
            commands.aws(`logs tail /aws/lambda/${functionName} --since 1h`),
          )
        : ok(told);
    case 'Creating':
    case 'Enabling':
    case 'Updating':
      return warn(told, `wait a minute, then ${commands.mailctl('doctor --only functions')}`);
    default:
      return fail(told, commands.aws(`lambda update-event-source-mapping --uuid ${UUID} --enabled`));
  }
}

const PERIOD_SECONDS = 60;
/** SQS publishes each minute, and a few of them later. */
const WINDOW_MS = 10 * 60 * 1000;

/**
 * How long the oldest message of a queue has been there, in seconds; undefined where CloudWatch does not know, or
 * does not tell: the age says how bad a backlog is, and must not hide that there is one.
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
  /** That nobody works on. */
  readonly waiting: number;
  /** Handed out, or waiting for their next try. */
  readonly hidden: number;
}

/** As SQS counts: about right, and up to a minute old. @throws what the SDK throws */
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

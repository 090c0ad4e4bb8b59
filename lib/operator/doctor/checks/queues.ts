import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, ok, warn } from '../check.ts';
import type { DoctorContext } from '../doctor-context.ts';
import { resourceCheck } from '../resource-check.ts';
import type { ResourceName } from '../stack-resources.ts';
import { oldestAgeSeconds } from './queue-age.ts';
import { countQueue, type QueueCounts } from './queue-counts.ts';

/** Older than this, nobody works on the queue, or not fast enough. */
const OLD_SECONDS = 15 * 60;

/** Where the age is not known, so many are a backlog. */
const MANY = 1_000;

type Mend = (commands: MendCommands) => string;

const startWorker: Mend = () =>
  "see that the API's worker runs, with RECEIPTS_QUEUE_URL set: kubectl logs deployment/outbound-worker";

/** What waits to be worked. */
export const QUEUE_CHECKS: readonly Check[] = [
  queueCheck('fallback', 'fallbackQueue', lookAtLog('resend')),
  queueCheck('feedback', 'feedbackQueue', lookAtLog('feedback')),
  queueCheck('receipts', 'receiptsQueue', startWorker),
];

function lookAtLog(part: string): Mend {
  return (commands) =>
    `see why the ${part} function does not keep up: ${commands.mailctl('doctor --only functions,sending')}`;
}

function queueCheck(name: string, resource: ResourceName, mend: Mend): Check {
  return resourceCheck({
    group: 'queues',
    name,
    resource,
    run: async (url, context, signal) => {
      const counts = await countQueue(await context.aws.sqs(), url, signal);
      if (counts.waiting === 0) return ok(toldCounts(counts));
      return judge(counts, await ageOf(counts, context, signal), mend(context.commands));
    },
  });
}

async function ageOf({ arn }: QueueCounts, { aws, now }: DoctorContext, signal: AbortSignal) {
  return oldestAgeSeconds(await aws.cloudWatch(), arn.split(':').at(-1) ?? '', now, signal);
}

function judge(counts: QueueCounts, ageSeconds: number | undefined, mend: string): CheckResult {
  const age = ageSeconds === undefined ? 'age unknown' : `the oldest for ${Math.round(ageSeconds / 60)} min`;
  const detail = `${toldCounts(counts)}; ${age}`;
  const isBacklog = ageSeconds === undefined ? counts.waiting >= MANY : ageSeconds >= OLD_SECONDS;
  return isBacklog ? warn(detail, mend) : ok(detail);
}

const toldCounts = ({ waiting, hidden }: QueueCounts) => `${waiting} waiting, ${hidden} in work or for later`;

/**
 * Many envelopes, each three times in the queue; an SES that loses responses; events that arrive late, twice,
 * out of order and for some mails never; and every few seconds all running Lambdas are killed with SIGKILL.
 * Afterwards SES must have accepted each id once; twice only if its response was lost and its events were
 * withheld. Prints the counts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { packMime } from '../../../lib/domain/content.ts';
import { serialiseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import type { LocalQueue, SqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalBackend, startLocalBackend } from '../../../lib/emulators/backend.ts';
import type { LocalServices } from '../../../lib/emulators/services.ts';
import { say, timesTakenBySes } from '../report.ts';

const COPIES = 3;
const KILL_MS = 3_000;
/**
 * One in this many SES responses is lost, whether or not SES accepted the mail; and one in this many mails
 * gets no event.
 */
const LOST_EVERY = 25;
const WITHHELD_EVERY = 100;
const PATIENCE_MS = 20 * 60_000;

const idOf = (index: number) => `thrice-${index}`;
const indexOf = (id: string | undefined) => Number(id?.split('-')[1]);

function bodyOf(index: number): string {
  const mime = `From: support@keybuzz.io\r\nTo: buyer-${index}@example.org\r\nSubject: ${idOf(index)}\r\n\r\nHello.\r\n`;
  return serialiseFallbackMessage({
    version: 1,
    id: idOf(index),
    tenantId: `tenant-${index % 20}`,
    envelope: { from: 'support@keybuzz.io', to: [`buyer-${index}@example.org`] },
    content: packMime(Buffer.from(mime)),
    createdAt: new Date().toISOString(),
  });
}

/** The copies of a mail arrive at different times: right after the first, a little later, and much later. */
function orderOfArrival(count: number): number[] {
  const first = Array.from({ length: count }, (_, index) => index);
  const soon = first.flatMap((index) => (index < 10 ? [index] : [index, index - 10]));
  return [...soon, ...first.slice(-10), ...first];
}

async function enqueueAll({ aws }: LocalServices, count: number): Promise<void> {
  const order = orderOfArrival(count);
  for (let start = 0; start < order.length; start += 10) {
    const Entries = order
      .slice(start, start + 10)
      .map((index, place) => ({ Id: String(place), MessageBody: bodyOf(index) }));
    const { Failed = [] } = await aws.sqs.send(
      new SendMessageBatchCommand({ QueueUrl: aws.fallback.url, Entries }),
    );
    if (Failed.length > 0) throw new Error('a message was not taken by the queue');
  }
}

/** Loses the first response for some ids: half of them after SES has accepted the mail, half before. */
function loseAnswers({ ses }: LocalServices): Set<string> {
  const lost = new Set<string>();
  const isFirst = (accepted: boolean) => (id: string | undefined) => {
    const index = indexOf(id);
    const isMeant = index % LOST_EVERY === 0 && (index / LOST_EVERY) % 2 === (accepted ? 0 : 1);
    if (id === undefined || !isMeant || lost.has(id)) return false;
    lost.add(id);
    return true;
  };
  for (const accepted of [true, false]) {
    const isMeant = isFirst(accepted);
    ses.fault({
      effect: { kind: 'reset', accepted },
      when: ({ submission }) => isMeant(submission?.tags.deliveryId),
      times: Number.POSITIVE_INFINITY,
    });
  }
  return lost;
}

const isWithheld = (id: string | undefined) => indexOf(id) % WITHHELD_EVERY === 0;

function disturbEvents({ ses }: LocalServices): void {
  ses.disturbEvents({ effect: { kind: 'reorder', seed: 7, withinMs: 1_500 } });
  ses.disturbEvents({
    effect: { kind: 'duplicate', times: 1 },
    when: ({ mail }) => indexOf(mail.tags.deliveryId?.[0]) % 7 === 0,
  });
  ses.disturbEvents({
    effect: { kind: 'withhold' },
    when: ({ mail }) => isWithheld(mail.tags.deliveryId?.[0]),
  });
}

/** @returns the number of invocations killed before SES had accepted all mails */
async function killFunctions(
  backend: LocalBackend,
  { mails, kills = Number.POSITIVE_INFINITY }: ThriceDeliveredOptions,
  over: AbortSignal,
): Promise<number> {
  let killed = 0;
  for (let round = 0; ; round += 1) {
    if (round === kills) return killed;
    await delay(KILL_MS, undefined, { signal: over }).catch(() => {});
    // From here on, a kill would only add a visibility timeout.
    if (over.aborted || backend.services.ses.mails.length >= mails) return killed;
    killed += await backend.resendFunction.kill();
    killed += await backend.feedbackFunction.kill();
  }
}

async function untilDrained(backend: LocalBackend): Promise<boolean> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const progress = setInterval(() => void printProgress(backend.services), 5_000);
  try {
    await backend.resendFunction.idle({ signal });
    await backend.services.ses.eventsSettled();
    await backend.feedbackFunction.idle({ signal });
    return true;
  } catch {
    return false;
  } finally {
    clearInterval(progress);
  }
}

async function printProgress({ aws, ses, feedback }: LocalServices): Promise<void> {
  const [envelopes, events] = await Promise.all([aws.fallback, feedback].map((queue) => inQueue(aws, queue)));
  say(`  SES has taken ${ses.mails.length}; left are ${envelopes} messages and ${events} events`);
}

/** Includes messages in flight. */
async function inQueue({ sqs }: SqsAndS3, { url }: LocalQueue): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

function countWrong({ ses }: LocalServices, count: number, lostAnswers: ReadonlySet<string>): number {
  const taken = timesTakenBySes(ses);
  const ids = Array.from({ length: count }, (_, index) => idOf(index));
  const lost = ids.filter((id) => !taken.has(id));
  const twice = ids.filter((id) => (taken.get(id) ?? 0) > 1);
  const explained = twice.filter((id) => isWithheld(id));
  const unexplained = twice.filter((id) => !isWithheld(id));
  console.log(`ids ${count}, taken by SES once: ${ids.filter((id) => taken.get(id) === 1).length}`);
  console.log(`answers lost on purpose: ${lostAnswers.size}`);
  console.log(`lost: ${lost.length}`);
  console.log(`taken twice, no answer and its events withheld: ${explained.length}`);
  for (const id of explained) console.log(`  ${id}`);
  console.log(`taken twice, unexplained: ${unexplained.length}`);
  for (const id of unexplained) console.log(`  ${id}: ${taken.get(id)} times`);
  return lost.length + unexplained.length;
}

export interface ThriceDeliveredOptions {
  readonly mails: number;
  /** How often running functions are killed; each may cost a visibility timeout. @default until all are sent */
  readonly kills?: number;
}

/** @returns whether SES has each id once, but for those whose events were withheld */
export async function runThriceDelivered(options: ThriceDeliveredOptions): Promise<boolean> {
  const backend = await startLocalBackend({
    resend: { timeoutSeconds: 60, visibilitySeconds: 60 },
    feedback: { timeoutSeconds: 60, visibilitySeconds: 60 },
    eventWaitSeconds: { least: 2, default: 6, most: 15 },
  });
  const { services } = backend;
  services.ses.account.maxSendRate = 10_000;
  services.ses.account.max24HourSend = -1;
  const lostAnswers = loseAnswers(services);
  disturbEvents(services);
  say(`putting ${options.mails} envelopes into the queue, ${COPIES} times each`);
  await enqueueAll(services, options.mails);
  const started = performance.now();
  const over = new AbortController();
  const killing = killFunctions(backend, options, over.signal);
  const drained = await untilDrained(backend);
  over.abort();
  const killed = await killing;
  const wrong = countWrong(services, options.mails, lostAnswers);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${seconds} s, ${killed} invocations were killed`);
  await backend.close();
  return drained && wrong === 0;
}

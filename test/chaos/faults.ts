/** What each planned fault does to the pipeline, and how it ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import type { AwsFault, AwsRequest } from '../../lib/emulators/aws/aws-fault.ts';
import type { FaultEffect } from '../../lib/emulators/ses/fault.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { type MalformedBody, malformedEvents, malformedMessages } from './malformed.ts';
import type { PipelineUnderTest } from './pipeline-under-test.ts';
import type { PlannedFault } from './schedule.ts';

/** Ends a fault. */
type End = () => void | Promise<void>;

/** What was put in between, and has to be found again. */
interface Poisons {
  readonly messages: MalformedBody[];
  readonly events: MalformedBody[];
}

export interface FaultContext {
  readonly pipeline: PipelineUnderTest;
  readonly poisons: Poisons;
}

/** A fault that strikes one call strikes about this share of the calls. */
const SHARE = 0.5;

/** Begins a fault. @returns what ends it */
export async function begin(planned: PlannedFault, context: FaultContext): Promise<End> {
  const { target } = planned;
  switch (target) {
    case 'smtp':
      return disturbSmtp(planned, context);
    case 'sqs':
    case 's3':
    case 'dynamodb':
      return disturbAws(planned, target, context);
    case 'ses':
      return disturbSes(planned, context);
    case 'events':
      return disturbEvents(planned, context);
    case 'messages':
      return disturbMessages(planned, context);
    case 'worker':
      return disturbWorker(planned, context);
    case 'resend':
    case 'feedback':
      return disturbFunction(planned, target, context);
    case 'postgres':
      return disturbPostgres(planned, context);
    default:
      throw new Error(`there is no ${target} to disturb`);
  }
}

const SMTP_FAULTS: Readonly<Record<string, SmtpBehaviour>> = {
  refused: { kind: 'refused' },
  'never-greets': { kind: 'blackhole' },
  '4xx': { kind: 'final-reply', reply: '451 4.3.0 Try again later' },
  '5xx': { kind: 'relay-denied' },
  'drops-after-data': { kind: 'break', at: 'final-dot', by: 'reset' },
  'drops-in-data': { kind: 'break', at: 'body', by: 'reset' },
};

async function disturbSmtp(planned: PlannedFault, { pipeline }: FaultContext): Promise<End> {
  const behaviour = SMTP_FAULTS[planned.fault];
  if (behaviour === undefined) return disturbSocket(planned, 'smtp', pipeline);
  await pipeline.smtp.behave(behaviour);
  return () => pipeline.smtp.behave({ kind: 'healthy' });
}

/** A connection is reset within a few mails' bytes; a chunk is late by up to a third of a second. */
function disturbSocket(
  { fault, strength }: PlannedFault,
  target: keyof PipelineUnderTest['proxies'],
  { proxies }: PipelineUnderTest,
): End {
  const proxy = proxies[target];
  if (fault === 'reset') proxy.behave({ kind: 'reset', withinBytes: 20_000 });
  else if (fault === 'latency') proxy.behave({ kind: 'latency', ms: Math.round(20 + 300 * strength) });
  else throw new Error(`${target} knows no fault ${fault}`);
  return () => proxy.behave(undefined);
}

const AWS_FAULTS: Readonly<Record<string, AwsFault>> = {
  '5xx': { kind: 'error', status: 503 },
  throttled: { kind: 'throttle' },
  'answer-lost': { kind: 'reset', done: true },
  'part-failed': { kind: 'part-failed', indices: [1, 3, 5] },
};

/** The calls by which the run itself looks at the queues. */
const OWN_CALLS = ['GetQueueAttributes'];

function disturbAws(
  planned: PlannedFault,
  service: 'sqs' | 's3' | 'dynamodb',
  { pipeline }: FaultContext,
): End {
  const fault = AWS_FAULTS[planned.fault];
  if (fault === undefined) return disturbSocket(planned, service, pipeline);
  const { aws, dynamoDb } = pipeline.services;
  const { random } = pipeline;
  const handle = (service === 'dynamodb' ? dynamoDb : aws).fault({
    fault,
    on: { service },
    when: ({ action }) => !OWN_CALLS.includes(action) && isBatchFor(fault, action) && random() < SHARE,
  });
  return () => handle.remove();
}

function isBatchFor({ kind }: AwsFault, action: string): boolean {
  return kind !== 'part-failed' || action.endsWith('Batch');
}

const SES_FAULTS: Readonly<Record<string, FaultEffect>> = {
  '5xx': { kind: 'server-error', status: 503 },
  throttled: { kind: 'throttling' },
  'answer-lost': { kind: 'reset', accepted: true },
};

function disturbSes(planned: PlannedFault, { pipeline }: FaultContext): End {
  const effect = SES_FAULTS[planned.fault];
  if (effect === undefined) return disturbSocket(planned, 'ses', pipeline);
  const { random } = pipeline;
  const handle = pipeline.services.ses.fault({
    effect,
    when: ({ submission }) => submission !== undefined && random() < SHARE,
    times: Number.POSITIVE_INFINITY,
  });
  return () => handle.remove();
}

/** Longer than a lost response waits for its event. */
const MAX_EVENT_DELAY_MS = 20_000;

function disturbEvents({ fault, strength }: PlannedFault, { pipeline, poisons }: FaultContext): End {
  const { ses } = pipeline.services;
  const { random } = pipeline;
  const seed = Math.floor(strength * 1_000);
  switch (fault) {
    case 'duplicated':
      return ending(ses.disturbEvents({ effect: { kind: 'duplicate', times: 1 + (seed % 2) } }));
    case 'delayed':
      return ending(ses.disturbEvents({ effect: { kind: 'delay', delayMs: strength * MAX_EVENT_DELAY_MS } }));
    case 'reordered':
      return ending(ses.disturbEvents({ effect: { kind: 'reorder', seed, withinMs: 2_000 } }));
    case 'withheld': {
      const handle = ses.disturbEvents({ effect: { kind: 'withhold' }, when: () => random() < SHARE });
      // SES publishes them late, after the wait for them may have ended.
      return () => handle.remove();
    }
    case 'poisoned':
      return put(
        malformedEvents(POISONS_AT_ONCE, seed),
        poisons.events,
        pipeline.services.feedback.url,
        pipeline,
      );
    default:
      throw new Error(`events know no fault ${fault}`);
  }
}

function ending(handle: { remove(): void }): End {
  return () => handle.remove();
}

const POISONS_AT_ONCE = 5;

function put(
  bodies: readonly MalformedBody[],
  record: MalformedBody[],
  queueUrl: string,
  pipeline: PipelineUnderTest,
): End {
  record.push(...bodies);
  const sending = Promise.all(bodies.map(({ body }) => sendUntilTaken(body, queueUrl, pipeline)));
  return async () => {
    await sending;
  };
}

/** The queue may be disturbed just now. */
async function sendUntilTaken(
  body: string,
  queueUrl: string,
  { services }: PipelineUnderTest,
): Promise<void> {
  for (;;) {
    try {
      await services.aws.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
      return;
    } catch {
      await delay(200);
    }
  }
}

const COPIED_SHARE = 0.3;

/** The second copy of a message comes up to this much later. */
const MAX_COPY_DELAY_SECONDS = 15;

function disturbMessages({ fault, strength }: PlannedFault, { pipeline, poisons }: FaultContext): End {
  const { aws } = pipeline.services;
  const seed = Math.floor(strength * 1_000);
  if (fault === 'poisoned')
    return put(malformedMessages(POISONS_AT_ONCE, seed), poisons.messages, aws.fallback.url, pipeline);
  if (fault !== 'duplicated') throw new Error(`messages know no fault ${fault}`);
  let isOn = true;
  const copies: Promise<unknown>[] = [];
  const ownCopies = new Set<string>();
  aws.subscribe((call) => {
    if (!isOn) return;
    for (const { queueUrl, body } of messagesIn(call, [aws.fallback.url, aws.urgent.url])) {
      if (pipeline.random() > COPIED_SHARE) continue;
      // The copy itself passes here as well.
      if (ownCopies.delete(body)) continue;
      ownCopies.add(body);
      copies.push(
        aws.sqs
          .send(
            new SendMessageCommand({
              QueueUrl: queueUrl,
              MessageBody: body,
              DelaySeconds: Math.floor(pipeline.random() * MAX_COPY_DELAY_SECONDS),
            }),
          )
          .catch(() => {}),
      );
    }
  });
  return async () => {
    isOn = false;
    await Promise.all(copies);
  };
}

/** The bodies that a call puts into one of the queues. */
function messagesIn(
  { service, action, body }: AwsRequest,
  queueUrls: readonly string[],
): { readonly queueUrl: string; readonly body: string }[] {
  if (service !== 'sqs' || !action.startsWith('SendMessage')) return [];
  const call = JSON.parse(body.toString()) as {
    readonly QueueUrl?: string;
    readonly MessageBody?: string;
    readonly Entries?: readonly { readonly MessageBody: string }[];
  };
  const pathOf = (url = '') => url.slice(url.lastIndexOf('/'));
  const queueUrl = queueUrls.find((url) => pathOf(url) === pathOf(call.QueueUrl));
  if (queueUrl === undefined) return [];
  const bodies = [...(call.Entries ?? []), call].flatMap(({ MessageBody }) => MessageBody ?? []);
  // A worker also makes a call that SQS refuses, to find out whether it may.
  return bodies
    .filter((one) => parseFallbackMessage(one).kind === 'message')
    .map((one) => ({ queueUrl, body: one }));
}

async function disturbWorker(planned: PlannedFault, { pipeline }: FaultContext): Promise<End> {
  const place = Math.floor(planned.strength * pipeline.workerCount);
  if (planned.fault === 'killed') {
    await pipeline.killWorker(place);
    return () => pipeline.replaceWorker(place);
  }
  const pid = pipeline.workerPid(place);
  return jump(pid === undefined ? [] : [pid], planned, pipeline);
}

/** How long to wait for an invocation, so that a function is killed in the middle of one. */
const INVOCATION_WAIT_MS = 3_000;

async function disturbFunction(
  planned: PlannedFault,
  name: 'resend' | 'feedback',
  { pipeline }: FaultContext,
): Promise<End> {
  const host = name === 'resend' ? pipeline.backend.resendFunction : pipeline.backend.feedbackFunction;
  if (planned.fault === 'killed') {
    await host.nextInvocation({ signal: AbortSignal.timeout(INVOCATION_WAIT_MS) }).catch(() => {});
    await delay(planned.strength * 40);
    await host.kill(1 + Math.floor(planned.strength * 2));
    return () => {};
  }
  const { processIds } = host;
  return jump(
    processIds.filter((_, index) => index % 2 === 0),
    planned,
    pipeline,
  );
}

/** Within what claims in the ledger allow for. */
const TOLERATED_MS = 1_500;
const MAX_JUMP_MS = 10 * 60_000;

/** Half of the jumps are small enough to change nothing; both ways. */
function jumpMs({ strength }: Pick<PlannedFault, 'strength'>): number {
  const size = Math.abs(strength - 0.5) * 2;
  const ms = strength < 0.5 ? size * TOLERATED_MS : size * MAX_JUMP_MS;
  return Math.round(Math.floor(strength * 1_000) % 2 === 0 ? ms : -ms);
}

/** Whether a clock jumps by more than the pipeline says that it bears. */
export function isBeyondTolerance(planned: Pick<PlannedFault, 'fault' | 'strength'>): boolean {
  return planned.fault === 'clock-jumped' && Math.abs(jumpMs(planned)) > TOLERATED_MS;
}

async function jump(
  pids: readonly number[],
  planned: PlannedFault,
  { clocks }: PipelineUnderTest,
): Promise<End> {
  await Promise.all(pids.map((pid) => clocks.set(pid, jumpMs(planned))));
  return async () => {
    await Promise.all(pids.map((pid) => clocks.set(pid, 0)));
  };
}

const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  'read-only': 'default_transaction_read_only',
  'disk-full': 'chaos.disk_full',
};

async function disturbPostgres(planned: PlannedFault, { pipeline }: FaultContext): Promise<End> {
  if (planned.fault === 'restarted') {
    // As at a power failure, or as at a shutdown.
    await pipeline.postgres.stop(planned.strength < 0.5 ? 'immediate' : 'fast');
    return () => pipeline.postgres.start();
  }
  const setting = POSTGRES_SETTINGS[planned.fault];
  if (setting === undefined) return disturbSocket(planned, 'postgres', pipeline);
  await pipeline.pool.query(`ALTER SYSTEM SET ${setting} = 'on'`);
  await pipeline.pool.query('SELECT pg_reload_conf()');
  return async () => {
    await pipeline.pool.query(`ALTER SYSTEM RESET ${setting}`);
    await pipeline.pool.query('SELECT pg_reload_conf()');
  };
}

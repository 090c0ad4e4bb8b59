import { setTimeout as delay } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { FEEDBACK_BATCH_SIZE, FEEDBACK_TIMEOUT_SECONDS } from '../../../lambda/feedback/constants.ts';
import { RESEND_BATCH_SIZE, RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import { DynamoSendingState } from '../../../lib/adapters/dynamodb/dynamo-sending-state.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import { PAYLOAD_PREFIX } from '../../../lib/domain/limits.ts';
import type { AwsRequest } from '../../../lib/emulators/aws/aws-fault.ts';
import { feedbackEnvironment, resendEnvironment } from '../../../lib/emulators/backend.ts';
import { type LambdaHost, startLambdaHost } from '../../../lib/emulators/lambda/lambda-host.ts';
import { type LocalServices, startLocalServices } from '../../../lib/emulators/services.ts';
import { bundleLambda } from '../../../lib/infra/lambda-bundle.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { CallTap } from './call-tap.ts';
import { commandOf } from './needed-permissions.ts';
import { runAccountMetrics } from './recorded-account-metrics.ts';
import { runWorker } from './recorded-worker.ts';

/** The code of one principal while it ran: what it was told of its surroundings, and the calls that it made. */
export interface RecordedCalls {
  readonly environment: Readonly<Record<string, string>>;
  readonly calls: readonly AwsRequest[];
}

export interface RecordedRun {
  readonly resend: RecordedCalls;
  readonly feedback: RecordedCalls;
  readonly 'account-metrics': RecordedCalls;
  readonly api: RecordedCalls;
  /** The keys of all objects in the bucket. */
  readonly storedKeys: ReadonlySet<string>;
}

const SOON = () => ({ signal: AbortSignal.timeout(90_000) });

/**
 * Lets the real worker and the real bundles go through all that makes them call AWS, and writes down each call as it
 * went over the wire, by who made it: each has a tap of its own on the services.
 */
export async function recordRun(): Promise<RecordedRun> {
  const closings: (() => Promise<unknown>)[] = [];
  const atEnd = <T extends { close(): Promise<unknown> }>(part: T): T => {
    closings.unshift(() => part.close());
    return part;
  };
  try {
    const services = atEnd(
      await startLocalServices({
        fallbackVisibilitySeconds: 6 * RESEND_TIMEOUT_SECONDS,
        feedbackVisibilitySeconds: 6 * FEEDBACK_TIMEOUT_SECONDS,
      }),
    );
    const [resendTap, feedbackTap, watchTap, apiTap] = [
      atEnd(await CallTap.open(services)),
      atEnd(await CallTap.open(services)),
      atEnd(await CallTap.open(services)),
      atEnd(await CallTap.open(services)),
    ];
    const resendEnv = {
      ...resendEnvironment(services, { least: 1, default: 1, most: 1 }),
      ...resendTap.endpoints,
    };
    const feedbackEnv = { ...feedbackEnvironment(services), ...feedbackTap.endpoints };
    const resend = atEnd(await startResend(services, resendEnv));
    const feedback = atEnd(await startFeedback(services, feedbackEnv));

    stageFates(services);
    // The first event that is looked up fails, and is put off.
    feedbackTap.dynamoDb.fault({ fault: { kind: 'denied' }, on: { action: 'GetItem' }, times: 1 });
    await enqueue(services, services.aws.fallback.url, ...MAILS.map(serialiseFallbackMessage), 'no envelope');
    await enqueue(services, services.aws.urgent.url, ...URGENT_MAILS.map(serialiseFallbackMessage));
    await enqueue(services, services.aws.held.url, serialiseFallbackMessage(FORMERLY_HELD));
    await enqueue(services, services.feedback.url, 'no event');
    // The large mail waits its turn behind the others.
    const [apiEnv] = await Promise.all([
      runWorker(services, apiTap),
      resendTap.made((call) => commandOf(call) === 'SendEmail', SOON().signal),
    ]);
    const watchEnv = await runAccountMetrics(services, watchTap);

    await resend.idle(SOON());
    await services.ses.eventsSettled();
    await feedback.idle(SOON());

    await tripFuse(services);
    await untilHeld(services, resendTap);
    await Promise.all([
      resendTap.aws.arrival({ action: 'GetQueueAttributes' }, SOON()),
      enqueue(services, services.aws.fallback.url, serialiseFallbackMessage(LOST)),
    ]);
    return {
      resend: { environment: resendEnv, calls: resendTap.calls },
      feedback: { environment: feedbackEnv, calls: feedbackTap.calls },
      'account-metrics': { environment: watchEnv, calls: watchTap.calls },
      api: { environment: apiEnv, calls: apiTap.calls },
      storedKeys: await storedKeysOf(services),
    };
  } finally {
    for (const close of closings) await close();
  }
}

const recipients = (count: number) => Array.from({ length: count }, (_, index) => `r${index}@example.org`);
const to = (...addresses: string[]) => ({ from: 'support@keybuzz.io', to: addresses });

/** What the functions get besides: each of these takes them another way. */
const MAILS: readonly FallbackMessage[] = [
  // Two messages of one id: the second finds the claim of the first.
  anEnvelope({ id: 'twice' }),
  anEnvelope({ id: 'twice' }),
  // Two parts, of which SES does not take the second now: it goes back as a narrower envelope.
  anEnvelope({ id: 'many', envelope: to(...recipients(60)) }),
  anEnvelope({ id: 'bounces', envelope: to('gone@example.org') }),
  anEnvelope({
    id: 'expired-payload',
    content: { type: 's3', key: `${PAYLOAD_PREFIX}gone/gone`, bytes: 3, sha256: 'a'.repeat(64) },
  }),
  anEnvelope({ id: 'foreign', envelope: { from: 'someone@example.org', to: ['marie@example.org'] } }),
];

const URGENT_MAILS: readonly FallbackMessage[] = [
  anEnvelope({ id: 'many-urgent', priority: 'urgent', envelope: to(...recipients(60)) }),
  // SES does not take it now: it comes back later.
  anEnvelope({ id: 'throttled-urgent', priority: 'urgent' }),
];

/** It comes back later too, once the fuse lets it pass. */
const FORMERLY_HELD = anEnvelope({ id: 'throttled-held' });

/** Urgent, so that the fuse does not hold it. */
const LOST = anEnvelope({ id: 'lost', priority: 'urgent' });

/** As after too many bounces; the quota counts as just read, so that no function judges the fuse anew. */
async function tripFuse({ dynamoDb }: LocalServices): Promise<void> {
  const store = new DynamoSendingState(dynamoDb.client, {
    tableName: dynamoDb.ledgerTable,
    timeoutMs: 5_000,
  });
  for (;;) {
    const seen = await store.read();
    const nowMs = Date.now();
    const quota = { perSecond: 14, perDay: 50_000, usedToday: 0, readAtMs: nowMs };
    const fuse = { cause: 'bounce-rate', rate: 0.05, trippedAtMs: nowMs } as const;
    const state = { ...seen.state, line: { ...seen.state.line, quota }, fuse };
    if ((await store.write(state, seen)) !== undefined) return;
  }
}

/**
 * Sends mail to addresses that SES has delivered nothing to until one is held: for two seconds a function believes what it
 * read before the fuse tripped.
 */
async function untilHeld(services: LocalServices, tap: CallTap): Promise<void> {
  const held = tap.made(sendsTo(services.aws.held.url), SOON().signal).then(() => true);
  let isHeld = false;
  for (let stranger = 0; !isHeld; stranger += 1) {
    const message = anEnvelope({
      id: `to-hold-${stranger}`,
      envelope: to(`stranger-${stranger}@example.org`),
    });
    await enqueue(services, services.aws.fallback.url, serialiseFallbackMessage(message));
    isHeld = await Promise.race([held, delay(1_000, false)]);
  }
}

/** Whether a call puts a message on a queue. */
const sendsTo =
  (queueUrl: string) =>
  ({ action, body }: AwsRequest): boolean =>
    action.startsWith('SendMessage') && body.includes(`"${queueUrl}"`);

function stageFates({ ses }: LocalServices): void {
  const isOf = (id: string, tags: Readonly<Record<string, string>> | undefined) => tags?.deliveryId === id;
  ses.status((_, recipient) => (recipient === 'gone@example.org' ? { kind: 'hard-bounce' } : undefined));
  ses.fault({
    effect: { kind: 'throttling' },
    when: ({ submission }) => isOf('many', submission?.tags) && submission?.tags.part === '1',
  });
  ses.fault({
    effect: { kind: 'throttling' },
    when: ({ submission }) => isOf('many-urgent', submission?.tags) && submission?.tags.part === '1',
  });
  for (const id of ['throttled-urgent', 'throttled-held']) {
    ses.fault({ effect: { kind: 'throttling' }, when: ({ submission }) => isOf(id, submission?.tags) });
  }
  // The answer is lost and no event comes: the next try has to find out whether any are waiting.
  ses.fault({
    effect: { kind: 'reset', accepted: true },
    when: ({ submission }) => isOf('lost', submission?.tags),
  });
  ses.disturbEvents({
    effect: { kind: 'withhold' },
    when: ({ mail: { tags } }) => tags.deliveryId?.[0] === 'lost',
  });
}

async function enqueue({ aws }: LocalServices, QueueUrl: string, ...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
}

function startResend(services: LocalServices, environment: Record<string, string>): Promise<LambdaHost> {
  const { aws } = services;
  return startLambdaHost({
    functionName: 'resend',
    bundleDirectory: bundleLambda('resend').directory,
    environment,
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    otherSources: [aws.urgent, aws.held].map(({ url, arn }) => ({
      queueUrl: url,
      queueArn: arn,
      concurrency: 2,
    })),
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: RESEND_TIMEOUT_SECONDS,
    concurrency: 2,
  });
}

function startFeedback(services: LocalServices, environment: Record<string, string>): Promise<LambdaHost> {
  const { aws, feedback } = services;
  return startLambdaHost({
    functionName: 'feedback',
    bundleDirectory: bundleLambda('feedback').directory,
    environment,
    queueUrl: feedback.url,
    queueArn: feedback.arn,
    sqs: aws.sqs,
    batchSize: FEEDBACK_BATCH_SIZE,
    batchWindowSeconds: 1,
    timeoutSeconds: FEEDBACK_TIMEOUT_SECONDS,
    concurrency: 1,
  });
}

async function storedKeysOf({ aws }: LocalServices): Promise<ReadonlySet<string>> {
  const { Contents = [] } = await aws.s3.send(new ListObjectsV2Command({ Bucket: aws.bucket }));
  return new Set(Contents.map(({ Key = '' }) => Key));
}

/**
 * How far several functions together use the send quota, and how long urgent mail takes through a backlog. The real
 * bundle in processes of its own, against the SES double and emulators that answer as slowly as the services do.
 *
 *   npm run bench:send-rate -- [--rates 1,14,200] [--functions 4] [--seconds 20] [--backlog 10000] [--json]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FALLBACK_VISIBILITY_SECONDS, RESEND_TIMEOUT_SECONDS } from '../../lambda/resend/constants.ts';
import { SqsFallbackQueue } from '../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { packMime } from '../../lib/domain/content.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import { type LocalBackend, startLocalBackend } from '../../lib/emulators/backend.ts';

/** Of one call, in milliseconds. */
const LATENCY = { ses: 80, dynamoDb: 8, sqs: 15 } as const;

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1,14,200' },
    functions: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '20' },
    backlog: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});
const RATES = values.rates.split(',').map(Number);
const FUNCTIONS = Number(values.functions);
const SECONDS = Number(values.seconds);
const BACKLOG = Number(values.backlog);

function aMail(id: string, isUrgent = false): FallbackMessage {
  const mime = `From: support@keybuzz.io\r\nTo: buyer@example.org\r\nSubject: Your order\r\n\r\n${id}\r\n`;
  return {
    version: 1,
    id,
    tenantId: `tenant-${id.length % 7}`,
    envelope: { from: 'support@keybuzz.io', to: [`${id}@example.org`] },
    content: packMime(Buffer.from(mime)),
    createdAt: new Date().toISOString(),
    ...(isUrgent ? { priority: 'urgent' as const } : {}),
  };
}

async function start(rate: number): Promise<{ backend: LocalBackend; queue: SqsFallbackQueue }> {
  const backend = await startLocalBackend({
    eventWaitSeconds: { least: 60, default: 900, most: 3600 },
    resend: {
      timeoutSeconds: RESEND_TIMEOUT_SECONDS,
      visibilitySeconds: FALLBACK_VISIBILITY_SECONDS,
      concurrency: FUNCTIONS,
    },
  });
  const { ses, aws } = backend.services;
  ses.account.maxSendRate = rate;
  ses.account.max24HourSend = -1;
  // The way back is not what is measured, and takes as much of this machine as the way out.
  for (const set of ses.account.configurationSets.values()) set.publishesEvents = false;
  return { backend, queue: new SqsFallbackQueue(aws.sqs, aws.fallback.url, 10_000, aws.urgent.url) };
}

/** From now on the services take their time; before, the queue is filled. */
function slowDown({ services: { ses, aws, dynamoDb } }: LocalBackend): void {
  const times = Number.POSITIVE_INFINITY;
  ses.fault({ effect: { kind: 'slow-answer', delayMs: LATENCY.ses }, times });
  dynamoDb.fault({ fault: { kind: 'slow', delayMs: LATENCY.dynamoDb } });
  aws.fault({ on: { service: 'sqs' }, fault: { kind: 'slow', delayMs: LATENCY.sqs } });
}

interface QuotaUse {
  readonly rate: number;
  readonly usedPercent: number;
  readonly throttled: number;
  readonly writesPerMail: number;
}

async function measureQuota(rate: number): Promise<QuotaUse> {
  const { backend, queue } = await start(rate);
  const { ses, dynamoDb } = backend.services;
  try {
    slowDown(backend);
    const mails = Math.ceil(rate * (SECONDS + 3)) + 5;
    await push(
      queue,
      Array.from({ length: mails }, (_, index) => aMail(`rate-${rate}-${index}`)),
    );
    // Cold starts are over, and SES's tolerance for bursts is not part of the measurement.
    await ses.waitFor(() => ses.mails.length >= Math.max(2, rate), { timeoutMs: 60_000 });
    const [fromMs, before] = [performance.now(), ses.mails.length];
    const versionBefore = await stateVersion(dynamoDb);
    await delay(SECONDS * 1000);
    const [tookMs, sent] = [performance.now() - fromMs, ses.mails.length - before];
    const throttled = ses.calls.filter(
      ({ outcome }) => 'code' in outcome && outcome.code === 'Throttling',
    ).length;
    const writes = (await stateVersion(dynamoDb)) - versionBefore;
    return {
      rate,
      usedPercent: (100 * sent) / ((rate * tookMs) / 1000),
      throttled,
      writesPerMail: writes / sent,
    };
  } finally {
    await backend.close();
  }
}

/** Each write of the common state counts it up. */
async function stateVersion({ client, ledgerTable }: LocalBackend['services']['dynamoDb']): Promise<number> {
  const { GetItemCommand } = await import('@aws-sdk/client-dynamodb');
  const Key = { id: { S: 'sending' }, part: { N: '0' } };
  const { Item } = await client.send(new GetItemCommand({ TableName: ledgerTable, Key }));
  return Number(Item?.version?.N ?? 0);
}

async function measureUrgent(rate: number): Promise<{ alone: number[]; throughBacklog: number[] }> {
  const { backend, queue } = await start(rate);
  try {
    slowDown(backend);
    await timeUrgent(backend, queue, 'warm-up', 2);
    const alone = await timeUrgent(backend, queue, 'alone', 10);
    await push(
      queue,
      Array.from({ length: BACKLOG }, (_, index) => aMail(`bulk-${index}`)),
    );
    const throughBacklog = await timeUrgent(backend, queue, 'behind', 20);
    return { alone, throughBacklog };
  } finally {
    await backend.close();
  }
}

/** Milliseconds from the hand-over of an urgent mail until SES has it, one after the other. */
async function timeUrgent(
  { services: { ses } }: LocalBackend,
  queue: SqsFallbackQueue,
  name: string,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const id = `urgent-${name}-${index}`;
    const begunMs = performance.now();
    await queue.push(aMail(id, true));
    await ses.waitFor(({ tags }) => tags.deliveryId === id, { timeoutMs: 60_000 });
    times.push(performance.now() - begunMs);
    await delay(100 + 97 * (index % 5));
  }
  return times;
}

async function push(queue: SqsFallbackQueue, mails: readonly FallbackMessage[]): Promise<void> {
  for (let from = 0; from < mails.length; from += 1_000) {
    await Promise.all(mails.slice(from, from + 1_000).map((mail) => queue.push(mail)));
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

const { ses, dynamoDb, sqs } = LATENCY;
console.log(
  `${FUNCTIONS} functions, SES ${ses} ms, DynamoDB ${dynamoDb} ms, SQS ${sqs} ms; ${SECONDS} s each`,
);
const uses: QuotaUse[] = [];
for (const rate of RATES) {
  const use = await measureQuota(rate);
  uses.push(use);
  console.log(
    `${String(rate).padStart(5)}/s  quota used ${use.usedPercent.toFixed(1)} %  throttled calls ${use.throttled}` +
      `  writes of the common state a mail ${use.writesPerMail.toFixed(2)}`,
  );
}
const urgent = await measureUrgent(14);
for (const [name, times] of Object.entries(urgent)) {
  const [middle, most] = [median(times), Math.max(...times)].map((ms) => `${ms.toFixed(0)} ms`);
  console.log(
    `urgent mail at 14/s, ${name === 'alone' ? 'no backlog' : `${BACKLOG} normal mails before it`}: median ${middle}, most ${most}`,
  );
}
if (values.json)
  console.log(JSON.stringify({ latencyMs: LATENCY, functions: FUNCTIONS, quota: uses, urgentMs: urgent }));

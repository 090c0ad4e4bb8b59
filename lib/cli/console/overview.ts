import { setTimeout as delay } from 'node:timers/promises';
import {
  MAX_TRACES,
  PostgresOutboxOverview,
  type RecentRows,
} from '../../adapters/postgres/outbox-overview.ts';
import { DlqClient } from '../../adapters/sqs/dlq-client.ts';
import { pipelineStackName } from '../../common/names.ts';
import { DAY_MS } from '../../common/time.ts';
import type {
  AlarmsNow,
  OutboxNow,
  OverviewReader,
  OverviewSnapshot,
  QueueName,
  QueueNow,
  QueuesNow,
  SendingNow,
  SmtpFailing,
  WorkerNow,
} from '../../console/sources/overview.ts';
import type { Reading } from '../../console/sources/reading.ts';
import { maskAddressesIn } from '../../domain/address.ts';
import { isServerAtFault } from '../../domain/failure.ts';
import type { WORKER_SERIES } from '../../domain/worker-series.ts';
import { findResource, listStackResources, type ResourceName } from '../deployment.ts';
import { firstCommandOf, listAlarms, summariseAlarms } from '../lookups/alarms.ts';
import { askDatabase, databaseMissing, openDatabase } from '../lookups/database.ts';
import { readRateReport } from '../lookups/rate-report.ts';
import type { ConsoleAccess } from './access.ts';
import { readCloudWatchHistory } from './cloud-watch-history.ts';
import { SampledHistory } from './sampled-history.ts';

/** What became of the mails of this time is counted. */
const COUNTED_MS = DAY_MS;

/** How often the history is continued where there is no CloudWatch. */
const SAMPLE_MS = 5_000;

/** Where the overview of a deployment is read. */
export function openOverview(access: ConsoleAccess): {
  readonly reader: OverviewReader;
  close(): Promise<void>;
} {
  const { clock, history } = access;
  const places = openPlaces(access);
  const samples = new SampledHistory();
  const closed = new AbortController();
  const read = async (signal: AbortSignal) => {
    const snapshot = await places.read(clock.now(), signal);
    samples.add(snapshot);
    return snapshot;
  };
  const sampling =
    history === 'sampled' ? sample(read, AbortSignal.any([closed.signal, access.signal])) : undefined;
  return {
    reader: {
      read,
      charts: async (signal) =>
        history === 'sampled'
          ? { kind: 'read', value: samples.charts }
          : readingOf(() => places.history(clock.now(), signal), access),
    },
    close: async () => {
      closed.abort();
      await sampling;
      await places.close();
    },
  };
}

async function sample(read: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await read(signal);
    await delay(SAMPLE_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** The places that are read. Each that fails is said, and hides no other. */
function openPlaces(access: ConsoleAccess) {
  const { aws, env, workerUrl, noAlarms } = access;
  const noDatabase = databaseMissing(env);
  const rows =
    noDatabase === undefined
      ? openDatabase(env, (settings) => new PostgresOutboxOverview(settings))
      : undefined;
  const queueUrls = remembered(() => findQueues(access));
  const reading = <Value>(read: () => Promise<Value>) => readingOf(read, access);
  return {
    read: async (at: Date, signal: AbortSignal): Promise<OverviewSnapshot> => {
      const since = new Date(at.getTime() - COUNTED_MS);
      const [outbox, worker, queues, sending, alarms] = await Promise.all([
        rows === undefined
          ? missing(noDatabase ?? '', 'set DATABASE_URL to its URL, and start the console again')
          : reading(async () => outboxNow(await askDatabase(() => rows.read(since)), at)),
        workerUrl === undefined
          ? missing(
              'no worker was named',
              'start the console with --worker URL, its port for health and metrics',
            )
          : reading(() => workerNow(workerUrl, signal)),
        reading(() => countQueues(queueUrls, access)),
        reading(async () => sendingNow(await readRateReport({ ...access, signal }, at))),
        noAlarms === undefined
          ? reading(() => alarmsNow(access, at, signal))
          : missing(noAlarms.why, noAlarms.fix),
      ]);
      return { at, outbox, worker, queues, sending, alarms };
    },
    history: async (at: Date, signal: AbortSignal) => {
      const names = new Map((await queueUrls()).map(([name, url]) => [name, url.split('/').at(-1) ?? '']));
      return readCloudWatchHistory(await aws.cloudWatch(), access, names, at, signal);
    },
    close: async () => {
      await rows?.close();
    },
  };
}

function missing(
  why: string,
  fix: string,
): { readonly kind: 'missing'; readonly why: string; readonly fix: string } {
  return { kind: 'missing', why, fix };
}

async function readingOf<Value>(
  read: () => Promise<Value>,
  { describe }: ConsoleAccess,
): Promise<Reading<Value>> {
  try {
    return { kind: 'read', value: await read() };
  } catch (error) {
    return { kind: 'missing', ...describe(error) };
  }
}

/** Asks once, and again only after a failure. */
function remembered<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let known: Promise<Value> | undefined;
  return () => {
    known ??= read().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

function outboxNow(
  { waiting, onHold, inHand, oldest, recent }: Awaited<ReturnType<PostgresOutboxOverview['read']>>,
  at: Date,
): OutboxNow {
  const { isComplete, accepted, handedOver, awaited, delivered, refused, unsent, lastAccepted } = recent;
  const since = isComplete ? new Date(at.getTime() - COUNTED_MS) : (recent.since ?? at);
  return {
    ...{ waiting, onHold, inHand, oldest, since, isComplete, accepted, handedOver, awaited, delivered },
    oldestAwaited: recent.oldestAwaited,
    bounced: refused,
    failed: unsent,
    smtp: { lastAccepted, failing: failingOf(recent) },
  };
}

/** A recipient that a healthy server refuses is no outage. */
function failingOf({ failing, notAccepted, notAcceptedSince }: RecentRows): SmtpFailing | undefined {
  const byServer = failing.filter((attempt) =>
    isServerAtFault({
      class: attempt.class,
      phase: 'queue',
      at: attempt.at.toISOString(),
      ...(attempt.response === undefined ? {} : { response: attempt.response }),
      ...(attempt.enhancedStatus === undefined ? {} : { enhancedStatus: attempt.enhancedStatus }),
    }),
  );
  const [newest] = byServer;
  const oldest = byServer.at(-1);
  if (newest === undefined || oldest === undefined) return undefined;
  const isCut = failing.length >= MAX_TRACES;
  const telling =
    byServer.find(({ response, code }) => response !== undefined || code !== undefined) ?? newest;
  const words = telling.response ?? telling.code;
  return {
    class: newest.class,
    words: words === undefined ? undefined : maskAddressesIn(words),
    // Of a long outage, only the newest attempts were read.
    since: isCut ? (notAcceptedSince ?? oldest.at) : oldest.at,
    last: newest.at,
    wasLastTried: newest.wasTried,
    mails: isCut ? notAccepted : byServer.length,
  };
}

async function workerNow(url: string, signal: AbortSignal): Promise<WorkerNow> {
  const response = await fetch(new URL('/metrics', url), { signal });
  const text = await response.text();
  const fallback = sumOf(text, 'outbound_fallback_up');
  return {
    isBreakerOpen: sumOf(text, 'outbound_breaker_open') === 1,
    canHandOver: fallback === undefined ? undefined : fallback === 1,
    accepted: sumOf(text, 'outbound_taken_total'),
    handedOver: sumOf(text, 'outbound_handed_over_total'),
  };
}

/** Over the labels of a series in the text format of Prometheus; undefined if it has no value. */
function sumOf(text: string, series: keyof typeof WORKER_SERIES): number | undefined {
  const values = [...text.matchAll(new RegExp(`^${series}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  return values.length === 0 ? undefined : values.reduce((sum, [, value]) => sum + Number(value), 0);
}

const QUEUES: Readonly<Record<QueueName, ResourceName>> = {
  urgent: 'urgentQueue',
  normal: 'fallbackQueue',
  held: 'heldQueue',
  deadLetters: 'fallbackDeadLetters',
  feedback: 'feedbackQueue',
  feedbackDeadLetters: 'feedbackDeadLetters',
  receipts: 'receiptsQueue',
};

/** An older deployment has fewer. */
async function findQueues({
  aws,
  deployment,
  signal,
  notDeployed,
}: ConsoleAccess): Promise<[QueueName, string][]> {
  const stack = pipelineStackName(deployment);
  const resources = await listStackResources(await aws.cloudFormation(), stack, signal);
  if (resources === undefined) throw await notDeployed();
  return (Object.entries(QUEUES) as [QueueName, ResourceName][]).flatMap(
    ([name, resource]): [QueueName, string][] => {
      const url = findResource(resources, resource);
      return url === undefined ? [] : [[name, url]];
    },
  );
}

/** A queue that cannot be read hides no other. @throws what SQS says, if it says so of all */
async function countQueues(
  urls: () => Promise<[QueueName, string][]>,
  { aws }: ConsoleAccess,
): Promise<QueuesNow> {
  const [queues, sqs] = await Promise.all([urls(), aws.sqs()]);
  const counts = await Promise.allSettled(
    queues.map(
      async ([name, url]): Promise<[QueueName, QueueNow]> => [name, await new DlqClient(sqs, url).counts()],
    ),
  );
  const read = counts.flatMap((count) => (count.status === 'fulfilled' ? [count.value] : []));
  const failed = counts.find((count) => count.status === 'rejected');
  if (read.length === 0 && failed !== undefined) throw failed.reason;
  return Object.fromEntries(read);
}

function sendingNow(report: Awaited<ReturnType<typeof readRateReport>>): SendingNow {
  const { usedPerSecond, allowedPerSecond, sentInLastDay, perDay, outage, throttledAt } = report;
  return {
    usedPerSecond,
    allowedPerSecond,
    sentInLastDay,
    perDay: perDay ?? undefined,
    outage:
      outage === null
        ? undefined
        : { cause: outage.cause, since: new Date(outage.since), nextProbe: new Date(outage.nextProbe) },
    throttledAt: throttledAt === null ? undefined : new Date(throttledAt),
    secondsToDrain: report.secondsToDrain ?? undefined,
    beyondDailyQuota: report.beyondDailyQuota,
  };
}

async function alarmsNow(
  { aws, deployment, commands }: ConsoleAccess,
  now: Date,
  signal: AbortSignal,
): Promise<AlarmsNow> {
  const { ringing, blind, quiet } = summariseAlarms(
    await listAlarms(await aws.cloudWatch(), deployment, signal),
    now,
  );
  return {
    inAlarm: ringing.map((alarm) => ({
      name: alarm.name,
      severity: alarm.severity,
      meaning: alarm.meaning,
      since: alarm.since,
      first: firstCommandOf(alarm, commands),
    })),
    noData: blind.map(({ name }) => name),
    ok: quiet.length,
  };
}

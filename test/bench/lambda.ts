/**
 * Measures the resend Lambda against a handler that makes the same calls by the stock SDK, bundled as ESM
 * (`lambda-baseline.ts`): the time of a cold start, from the start of the process to the response of the first
 * invocation, and of each mail after it. Both, and a function that does nothing, run in turn under the same bootstrap
 * and against the same emulators.
 *
 *   npm run bench:lambda -- [--rounds 11] [--mails 60] [--json]
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SQSEvent } from 'aws-lambda';
import { buildSync } from 'esbuild';
import { packMime } from '../../lib/domain/content.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { resendEnvironment } from '../../lib/emulators/backend.ts';
import { LambdaProcess, lambdaEnvironment } from '../../lib/emulators/lambda/lambda-process.ts';
import { type LocalServices, startLocalServices } from '../../lib/emulators/services.ts';
import { bundleLambda } from '../../lib/infra/lambda-bundle.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    mails: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(values.rounds);
const MAILS = Number(values.mails);
/** Until the code is compiled by V8; not measured. */
const WARM_UP_MAILS = 40;

const TIMEOUT_MS = 90_000;
const MEMORY_MB = 256;
const BODY = 'Dear customer, your order is on its way.\r\n'.repeat(45);

const SIDES = ['ours', 'baseline', 'empty'] as const;
type Side = (typeof SIDES)[number];

interface Round {
  /** From the start of the process to the response of its first invocation. */
  readonly coldMs: number;
  /** The processor time of the function for that: of these two the one that other load of the machine changes least. */
  readonly coldCpuMs: number;
  /** The median of the mails of the round. */
  readonly warmMs: number;
  /** The processor time of the function for each of these mails. */
  readonly warmCpuMs: number;
}

/** The options of the esbuild documentation for Node, and minified. */
function bundleBaseline(directory: string): string {
  buildSync({
    entryPoints: { index: join(import.meta.dirname, 'lambda-baseline.ts') },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
  return directory;
}

function writeEmpty(directory: string): string {
  mkdirSync(directory);
  writeFileSync(
    join(directory, 'index.mjs'),
    'export const handler = async () => ({ batchItemFailures: [] });\n',
  );
  return directory;
}

let mails = 0;

function aMail(): FallbackMessage {
  mails += 1;
  const id = `lambda-${mails}-${randomUUID()}`;
  const mime = `From: support@keybuzz.io\r\nTo: buyer@example.org\r\nSubject: Order ${mails}\r\n\r\n${BODY}`;
  return {
    version: 1,
    id,
    tenantId: `tenant-${mails % 7}`,
    envelope: { from: 'support@keybuzz.io', to: [`${id}@example.org`] },
    content: packMime(Buffer.from(mime)),
    createdAt: new Date().toISOString(),
    failure: {
      class: 'unreachable',
      code: 'ECONNREFUSED',
      phase: 'connect',
      at: new Date().toISOString(),
    },
  };
}

function eventOf(message: FallbackMessage, queueArn: string): SQSEvent {
  const now = String(Date.now());
  return {
    Records: [
      {
        messageId: randomUUID(),
        receiptHandle: randomUUID(),
        body: serialiseFallbackMessage(message),
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: now,
          SenderId: 'bench',
          ApproximateFirstReceiveTimestamp: now,
        },
        messageAttributes: {},
        md5OfBody: '',
        eventSource: 'aws:sqs',
        eventSourceARN: queueArn,
        awsRegion: 'eu-west-1',
      },
    ],
  };
}

async function invoke(lambda: LambdaProcess, { aws, ses }: LocalServices, sends: boolean): Promise<number> {
  const event = JSON.stringify(eventOf(aMail(), aws.fallback.arn));
  const sentBefore = ses.mails.length;
  const begunMs = performance.now();
  const outcome = await lambda.invoke(
    {
      requestId: randomUUID(),
      event,
      functionName: 'resend',
      functionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:resend',
      memoryLimitMb: MEMORY_MB,
    },
    TIMEOUT_MS,
    () => {},
  );
  const tookMs = performance.now() - begunMs;
  const isSent = outcome.kind === 'answered' && outcome.answer === '{"batchItemFailures":[]}';
  if (!isSent || ses.mails.length !== sentBefore + (sends ? 1 : 0)) {
    throw new Error(`a mail was not sent: ${JSON.stringify(outcome)}`);
  }
  return tookMs;
}

function startFunction(bundleDirectory: string, services: LocalServices): LambdaProcess {
  const environment = resendEnvironment(services, { least: 60, default: 900, most: 3600 });
  const resend = { name: 'resend', region: 'eu-west-1', memoryLimitMb: MEMORY_MB, bundleDirectory };
  return new LambdaProcess(bundleDirectory, lambdaEnvironment(resend, environment), () => {});
}

async function runRound(side: Side, directory: string, services: LocalServices): Promise<Round> {
  const sends = side !== 'empty';
  const begunMs = performance.now();
  const lambda = startFunction(directory, services);
  try {
    await invoke(lambda, services, sends);
    const coldMs = performance.now() - begunMs;
    const coldCpuMs = cpuMsOf(lambda);
    for (let mail = 0; mail < WARM_UP_MAILS; mail += 1) await invoke(lambda, services, sends);
    const cpuBefore = cpuMsOf(lambda);
    const times: number[] = [];
    for (let mail = 0; mail < MAILS; mail += 1) times.push(await invoke(lambda, services, sends));
    return { coldMs, coldCpuMs, warmMs: median(times), warmCpuMs: (cpuMsOf(lambda) - cpuBefore) / MAILS };
  } finally {
    await lambda.kill();
    services.ses.clear();
  }
}

/** Of all its threads; NaN without the /proc of Linux. */
function cpuMsOf({ pid }: LambdaProcess): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** The calls of one warm mail, by name. */
async function countCalls(
  directory: string,
  services: LocalServices,
  seen: { calls: string[] },
): Promise<Record<string, number>> {
  const lambda = startFunction(directory, services);
  try {
    for (let mail = 0; mail < 3; mail += 1) await invoke(lambda, services, true);
    seen.calls = [];
    await invoke(lambda, services, true);
    return Object.fromEntries(
      [...Map.groupBy(seen.calls, (name) => name)].map(([name, same]) => [name, same.length]),
    );
  } finally {
    await lambda.kill();
  }
}

function kilobytesOf(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return Math.round(bytes / 1024);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-lambda-'));
const services = await startLocalServices({ fallbackVisibilitySeconds: 540, feedbackVisibilitySeconds: 540 });
try {
  const { ses, aws, dynamoDb } = services;
  // The quota is not to be waited for, and the way back is not what is measured.
  ses.account.maxSendRate = 100_000;
  ses.account.max24HourSend = -1;
  for (const set of ses.account.configurationSets.values()) set.publishesEvents = false;

  const directories: Record<Side, string> = {
    ours: bundleLambda('resend').directory,
    baseline: bundleBaseline(join(folder, 'baseline')),
    empty: writeEmpty(join(folder, 'empty')),
  };
  const seen = { calls: [] as string[] };
  aws.subscribe(({ service, action }) => seen.calls.push(`${service} ${action}`));
  dynamoDb.subscribe(({ service, action }) => seen.calls.push(`${service} ${action}`));
  ses.subscribe(() => seen.calls.push('ses SendRawEmail'));
  // Of both before the rounds: the first mail of all asks SES for the quota.
  const calls = {
    ours: await countCalls(directories.ours, services, seen),
    baseline: await countCalls(directories.baseline, services, seen),
  };

  const rounds: Record<Side, Round>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const results: Partial<Record<Side, Round>> = {};
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      results[side] = await runRound(side, directories[side], services);
    }
    rounds.push(results as Record<Side, Round>);
  }

  const of = (side: Side, key: keyof Round) => median(rounds.map((round) => round[side][key]));
  const ratio = (value: (round: Round, empty: Round) => number) =>
    median(rounds.map(({ ours, baseline, empty }) => value(ours, empty) / value(baseline, empty)));
  const result = {
    rounds: ROUNDS,
    mails: MAILS,
    sides: Object.fromEntries(
      SIDES.map((side) => [
        side,
        {
          coldMs: of(side, 'coldMs'),
          coldCpuMs: of(side, 'coldCpuMs'),
          warmMs: of(side, 'warmMs'),
          warmCpuMs: of(side, 'warmCpuMs'),
          kilobytes: kilobytesOf(directories[side]),
        },
      ]),
    ),
    calls,
    ratios: {
      cold: ratio(({ coldMs }) => coldMs),
      coldCpu: ratio(({ coldCpuMs }) => coldCpuMs),
      /** Without what the process and the bootstrap take. */
      coldCpuBeyondEmpty: ratio(({ coldCpuMs }, empty) => coldCpuMs - empty.coldCpuMs),
      warm: ratio(({ warmMs }) => warmMs),
      warmCpu: ratio(({ warmCpuMs }) => warmCpuMs),
    },
  };
  if (values.json) console.log(JSON.stringify(result));
  else {
    for (const [side, of] of Object.entries(result.sides)) {
      console.log(
        `${side.padEnd(9)} cold ${of.coldMs.toFixed(0)} ms (processor ${of.coldCpuMs.toFixed(0)}), a warm mail` +
          ` ${of.warmMs.toFixed(2)} ms (processor ${of.warmCpuMs.toFixed(2)}), bundle ${of.kilobytes} KiB`,
      );
    }
    for (const [side, counts] of Object.entries(calls)) {
      const list = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
      console.log(`${side.padEnd(9)} calls a mail: ${list.join(', ')}`);
    }
    const { cold, coldCpu, coldCpuBeyondEmpty, warm, warmCpu } = result.ratios;
    console.log(
      `ratios    cold ${cold.toFixed(2)} (processor ${coldCpu.toFixed(2)}, beyond the empty function` +
        ` ${coldCpuBeyondEmpty.toFixed(2)}), warm ${warm.toFixed(2)} (processor ${warmCpu.toFixed(2)});` +
        ` medians of ${ROUNDS} paired rounds`,
    );
  }
} finally {
  await services.close();
  rmSync(folder, { recursive: true });
}

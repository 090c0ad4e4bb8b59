/**
 * Many dead letters, and a redrive that is killed with SIGKILL twice, each time at a random moment, and then
 * run to completion. Afterwards no dead letter is left, each id is in the fallback queue, and the resend
 * Lambda on that queue sends each id through SES exactly once. Prints the counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChangeMessageVisibilityBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { RESEND_BATCH_SIZE, RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import { DlqClient } from '../../../lib/adapters/sqs/dlq-client.ts';
import { packMime } from '../../../lib/domain/content.ts';
import { parseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import type { LocalQueue, SqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { resendEnvironment } from '../../../lib/emulators/backend.ts';
import { startLambdaHost } from '../../../lib/emulators/lambda/lambda-host.ts';
import { type LocalServices, startLocalServices } from '../../../lib/emulators/services.ts';
import { bundleLambda } from '../../../lib/infra/lambda-bundle.ts';
import { accountOf, type Parked, parkLetters } from '../../cli/commands/dlq/dead-letter-bench.ts';
import { startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { say, timesTakenBySes } from '../report.ts';

const KILLS = 2;
/**
 * Messages received by the killed runs become visible again by themselves; until then, the redrive is
 * incomplete.
 */
const LOOK_AGAIN_MS = 3_000;
const PATIENCE_MS = 20 * 60_000;
const CAUSES = ['MessageRejected', 'AccountSendingPausedException', 'foreign-sender', 'payload-missing'];
const MAILCTL = fileURLToPath(new URL('../../../bin/mailctl.ts', import.meta.url));

const idOf = (index: number) => `letter-${index}`;

function letterOf(index: number): Parked {
  const mime = `From: support@keybuzz.io\r\nTo: buyer-${index}@example.org\r\nSubject: ${idOf(index)}\r\n\r\nHello.\r\n`;
  return {
    body: {
      version: 1,
      id: idOf(index),
      tenantId: `tenant-${index % 20}`,
      envelope: { from: 'support@keybuzz.io', to: [`buyer-${index}@example.org`] },
      content: packMime(Buffer.from(mime)),
      createdAt: new Date().toISOString(),
    },
    attributes: {
      reason: CAUSES[index % CAUSES.length] ?? '',
      detail: 'it was down',
      deliveryId: idOf(index),
    },
  };
}

function startRedrive(environment: Readonly<Record<string, string>>) {
  const args = ['--yes', '--json', 'dlq', 'redrive', '--all', '--rate', '5000/s'];
  return spawn(process.execPath, [MAILCTL, ...args], {
    env: { PATH: process.env.PATH, AWS_EC2_METADATA_DISABLED: 'true', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

interface RedriveUnderTest {
  readonly aws: SqsAndS3;
  readonly environment: Readonly<Record<string, string>>;
  readonly letters: number;
}

/** Kills a run after a random number of its batches, `delayMs` after the next one has arrived at SQS. */
async function runAndKill(
  { aws, environment, letters }: RedriveUnderTest,
  delayMs: number,
): Promise<boolean> {
  const calls = { service: 'sqs', action: 'SendMessageBatch' };
  const target = aws.callsOf(calls) + 1 + Math.floor(Math.random() * (letters / 10 / (KILLS + 1)));
  const child = startRedrive(environment);
  const exited = once(child, 'exit');
  const ended = new AbortController();
  void exited.then(() => ended.abort());
  while (aws.callsOf(calls) < target && !ended.signal.aborted) {
    await aws.arrival(calls, { signal: ended.signal }).catch(() => {});
  }
  if (delayMs > 0) await delay(delayMs);
  child.kill('SIGKILL');
  const [, signal] = await exited;
  return signal === 'SIGKILL';
}

/** Reruns it until it reports completion. @returns the number of runs */
async function runToTheEnd(environment: Readonly<Record<string, string>>): Promise<number> {
  const end = performance.now() + PATIENCE_MS;
  for (let runs = 1; performance.now() < end; runs += 1) {
    const child = startRedrive(environment);
    const [[code], output] = await Promise.all([once(child, 'close'), text(child.stdout)]);
    const { planned, moved = 0, inFlight } = JSON.parse(output);
    say(`  run ${runs} to the end: ${moved} of ${planned} moved, ${inFlight} in flight, exit code ${code}`);
    if (code === 0) return runs;
    if (code !== 1) throw new Error(`the redrive failed: ${output}`);
    await delay(LOOK_AGAIN_MS);
  }
  throw new Error('the redrive never came to its end');
}

/** The number of messages per id in a queue. Leaves the queue as it was. */
async function copiesIn({ sqs }: SqsAndS3, { url }: LocalQueue): Promise<Map<string, number>> {
  const copies = new Map<string, number>();
  const handles: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    );
    if (Messages.length === 0) break;
    for (const { Body = '', ReceiptHandle = '' } of Messages) {
      const parsed = parseFallbackMessage(Body);
      if (parsed.kind !== 'message') throw new Error(`the queue holds no envelope: ${parsed.detail}`);
      copies.set(parsed.message.id, (copies.get(parsed.message.id) ?? 0) + 1);
      handles.push(ReceiptHandle);
    }
  }
  for (let start = 0; start < handles.length; start += 10) {
    const Entries = handles
      .slice(start, start + 10)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: 0 }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
  }
  return copies;
}

/** Drains the fallback queue with the same bundle that the CDK deploys. */
async function resendAll(services: LocalServices): Promise<void> {
  const { aws } = services;
  const host = await startLambdaHost({
    functionName: 'resend',
    bundleDirectory: bundleLambda('resend').directory,
    environment: resendEnvironment(services, { least: 2, default: 6, most: 15 }),
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: RESEND_TIMEOUT_SECONDS,
    concurrency: 4,
  });
  const progress = setInterval(() => say(`  SES has taken ${services.ses.mails.length}`), 5_000);
  try {
    await host.idle({ signal: AbortSignal.timeout(PATIENCE_MS) });
  } finally {
    clearInterval(progress);
    await host.close();
  }
}

/** @returns whether none was lost or sent twice, and no dead letter is left */
export async function runRedrive(letters: number): Promise<boolean> {
  const services = await startLocalServices({
    fallbackVisibilitySeconds: RESEND_TIMEOUT_SECONDS,
    feedbackVisibilitySeconds: 60,
  });
  const { aws, ses } = services;
  ses.account.maxSendRate = 10_000;
  ses.account.max24HourSend = -1;
  const account = await startAwsAccount({ account: accountOf(aws) });
  const environment = { ...account.environment, AWS_ENDPOINT_URL_SQS: aws.endpoint };
  const started = performance.now();
  say(`parking ${letters} letters`);
  const ids = Array.from({ length: letters }, (_, index) => idOf(index));
  await parkLetters(
    aws,
    ids.map((_, index) => letterOf(index)),
  );

  let killed = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    // The first kill hits between a send and its delete: that batch is in both queues.
    if (await runAndKill({ aws, environment, letters }, kill === 0 ? 0 : Math.random() * 30)) killed += 1;
    const left = await approximateCount(aws, aws.deadLetters);
    say(`  killed ${killed} times, ${left} letters left`);
  }
  const runs = await runToTheEnd(environment);
  const left = await copiesIn(aws, aws.deadLetters);
  const copies = await copiesIn(aws, aws.fallback);
  say('resending what is in the fallback queue');
  await resendAll(services);

  const taken = timesTakenBySes(ses);
  const lost = ids.filter((id) => !copies.has(id) || !taken.has(id));
  const twice = ids.filter((id) => (taken.get(id) ?? 0) > 1);
  const inBoth = ids.filter((id) => (copies.get(id) ?? 0) > 1);
  console.log(`letters ${letters}, killed with SIGKILL ${killed} times, then ${runs} runs to the end`);
  console.log(`left among the dead letters: ${left.size}`);
  console.log(`in the fallback queue: ${ids.filter((id) => copies.has(id)).length}`);
  console.log(`in it more than once, since a kill came between the send and the delete: ${inBoth.length}`);
  console.log(`taken by SES once: ${ids.filter((id) => taken.get(id) === 1).length}`);
  console.log(`lost: ${lost.length}`);
  console.log(`sent twice: ${twice.length}`);
  console.log(`${Math.round((performance.now() - started) / 1000)} s`);
  await account.close();
  await services.close();
  return killed === KILLS && left.size + lost.length + twice.length === 0;
}

async function approximateCount({ sqs }: SqsAndS3, { url }: LocalQueue): Promise<number> {
  const { waiting, inFlight } = await new DlqClient(sqs, url).counts();
  return waiting + inFlight;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withAsciiDomain } from '../../domain/address.ts';
import type { Delivery } from '../../domain/delivery.ts';
import { headerValues } from '../../domain/mime-headers.ts';
import { toDeliveryIdTag } from '../../domain/send-batch.ts';
import { createMailer } from '../../mailer/create-mailer.ts';
import type { Mailer } from '../../mailer/mailer.ts';
import type { LocalPipeline } from '../pipeline.ts';
import type { SesMail } from '../ses/submission.ts';
import type { ReceivedMail } from '../smtp/received-mail.ts';
import {
  endedRows,
  expectedMail,
  insertRows,
  type OutboundRow,
  type RowState,
  rowsNow,
} from './outbound-rows.ts';
import { SCENES, type Scene } from './scenes.ts';

/** Time for one or two SES retries; a mail that has not arrived by then counts as missing. */
const TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 25;

/** The result of one mail of the demo. */
export interface DemoResult {
  readonly scene: string;
  readonly id: string;
  /** Of the envelope. */
  readonly to: readonly string[];
  /** From the row to the server that took the mail, or to the reason why it was not sent. */
  readonly tookMs: number | undefined;
  /** The final row, or its state at the timeout. */
  readonly row: RowState | undefined;
  /** What a server said to a program that has no row. */
  readonly said?: string;
  readonly arrivals: readonly Arrival[];
  readonly verdict: Verdict;
  /** Whether mail and row ended as expected. */
  readonly asItShould: boolean;
  /** Files with the bytes of each arrival. */
  readonly files: readonly string[];
}

export interface DemoListener {
  scene(title: string): void;
  /** What is waited for from now on. */
  wait(what: string): void;
  mail(result: DemoResult): void;
}

/** Plays every scene against a running pipeline, and reports the result of each mail. */
export async function runDemo(pipeline: LocalPipeline, listener: DemoListener): Promise<DemoResult[]> {
  const composer = createMailer(pipeline.mailerSettings);
  const results: DemoResult[] = [];
  for (const scene of SCENES) {
    listener.scene(scene.title);
    listener.wait(`waiting for ${scene.rows.map(({ id }) => id).join(' and ')}`);
    const played = await playScene(scene, composer, pipeline);
    for (const result of played) listener.mail(result);
    results.push(...played);
  }
  await composer.close();
  return results;
}

/** Only writes rows, as the API does; the pipeline does the rest. */
async function playScene(scene: Scene, composer: Mailer, pipeline: LocalPipeline): Promise<DemoResult[]> {
  await recover(pipeline);
  await pipeline.smtp.behave(...scene.smtp);
  for (const fault of scene.ses ?? []) pipeline.services.ses.fault(fault);
  const createdAt = new Date();
  await insertRows(pipeline.pool, scene.rows, createdAt);
  const ids = scene.rows.map(({ id }) => id);
  await until(async () => ((await endedRows(pipeline.pool, ids)).length === ids.length ? true : undefined));
  const states = await rowsNow(pipeline.pool, ids);
  return Promise.all(
    scene.rows.map((row) => {
      const state = states.find(({ id }) => id === row.id);
      return follow(scene, row, createdAt, state, composer, pipeline);
    }),
  );
}

/** Ends the previous outage and waits until the worker notices, so that each scene starts the same. */
export async function recover({ smtp, worker }: LocalPipeline): Promise<void> {
  await smtp.behave({ kind: 'healthy' });
  await until(async () => ((await worker.breaker()) === 'closed' ? true : undefined));
}

async function follow(
  scene: Scene,
  row: OutboundRow,
  createdAt: Date,
  state: RowState | undefined,
  composer: Mailer,
  pipeline: LocalPipeline,
): Promise<DemoResult> {
  const composed = await composer.compose(expectedMail(row, createdAt));
  if (composed.kind === 'refused')
    throw new Error(`the story has a mail that cannot be sent: ${composed.detail}`);
  const { delivery } = composed;
  const arrivals = findArrivals(delivery, pipeline);
  const files = await writeArrivals(delivery.id, arrivals, pipeline.directory);
  const verdict = judge(delivery, arrivals);
  return {
    scene: scene.title,
    id: row.id,
    to: delivery.to,
    tookMs: tookMs(createdAt, state, arrivals),
    row: state,
    arrivals,
    verdict,
    asItShould: endedAsExpected(row, state, verdict),
    files,
  };
}

/** Mails that SMTP took have no time of their own: it is that of the attempt. */
function tookMs(
  createdAt: Date,
  row: RowState | undefined,
  arrivals: readonly Arrival[],
): number | undefined {
  const attempted = (row?.attempts ?? []).map(({ at, durationMs }) => Date.parse(at) + durationMs);
  const ends = [...attempted, ...arrivals.flatMap(({ at }) => (at === undefined ? [] : [at.getTime()]))];
  return ends.length === 0 ? undefined : Math.max(0, Math.max(...ends) - createdAt.getTime());
}

/** A mail that bounces was sent byte for byte; one to a suppressed recipient never is. */
function endedAsExpected(row: OutboundRow, state: RowState | undefined, verdict: Verdict): boolean {
  if (row.end === undefined) return state?.status === 'delivered' && verdict === 'arrived';
  const statuses = Object.values(state?.recipients ?? {}).map(({ kind }) => kind);
  const isReported =
    state?.status === 'failed' && statuses.length > 0 && statuses.every((kind) => kind === row.end);
  return isReported && verdict === (row.end === 'bounced' ? 'arrived' : 'not sent');
}

/** Polls until there is a value or the timeout ends. */
export async function until<T>(poll: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + TIMEOUT_MS;
  while (performance.now() < end) {
    const value = await poll();
    if (value !== undefined) return value;
    await delay(POLL_INTERVAL_MS);
  }
  return undefined;
}

/** Writes the bytes to files for inspection; for SES, those that recipients receive. */
export async function writeArrivals(
  id: string,
  arrivals: readonly Arrival[],
  directory: string,
): Promise<string[]> {
  return Promise.all(
    arrivals.map(async ({ route, raw, delivered }) => {
      const folder = join(directory, route);
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${id}.eml`);
      await writeFile(file, delivered ?? raw);
      return file;
    }),
  );
}

/** One mail as received by SMTP or SES. */
interface Arrival {
  readonly route: 'smtp' | 'ses';
  readonly recipients: readonly string[];
  /** The bytes as sent to SMTP or SES. */
  readonly raw: Buffer;
  /** The bytes as SES delivers them, with its own Message-ID and Date. */
  readonly delivered?: Buffer;
  readonly sesMessageId?: string;
  /** When SES took it. */
  readonly at?: Date;
}

/** The arrivals of a delivery so far. */
function findArrivals(delivery: Delivery, { smtp, services: { ses } }: LocalPipeline): Arrival[] {
  const bySmtp = smtp.mails.filter((mail) => isSameMail(delivery, mail));
  const bySes = ses.mails.filter((mail) => isResent(delivery, mail));
  return [
    // The SMTP double returns domains in Unicode; on the wire they were in ASCII.
    ...bySmtp.map(({ to, raw }): Arrival => ({ route: 'smtp', recipients: to.map(withAsciiDomain), raw })),
    ...bySes.map(sesArrival),
  ];
}

export function sesArrival({ recipients, raw, delivered, sesMessageId, at }: SesMail): Arrival {
  return { route: 'ses', recipients, raw, delivered, sesMessageId, at };
}

function isSameMail(delivery: Delivery, { raw }: ReceivedMail): boolean {
  return headerValues(raw, 'message-id')[0] === delivery.messageId;
}

function isResent(delivery: Delivery, { tags }: SesMail): boolean {
  return tags.deliveryId === toDeliveryIdTag(delivery.id);
}

/** The result of a mail, judged by its bytes. */
type Verdict = 'arrived' | 'not sent' | 'bytes differ' | 'recipients missing' | 'sent twice';

/** `arrived` if every recipient got the mail once, with the composed bytes. */
function judge(delivery: Delivery, arrivals: readonly Arrival[]): Verdict {
  if (arrivals.length === 0) return 'not sent';
  const reached = arrivals.flatMap(({ recipients }) => recipients);
  if (delivery.to.some((recipient) => !reached.includes(recipient))) return 'recipients missing';
  if (new Set(reached).size < reached.length) return 'sent twice';
  // The worker puts the signed id before what SMTP gets.
  const isSame = ({ raw }: Arrival) => raw.subarray(-delivery.mime.length).equals(delivery.mime);
  return arrivals.every(isSame) ? 'arrived' : 'bytes differ';
}

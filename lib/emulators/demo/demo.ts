import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Table from 'cli-table3';
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

/** A retry or two of SES fits in; what is not there by then is missing. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 25;

/** What became of one mail of the story. */
export interface DemoResult {
  readonly scene: string;
  readonly id: string;
  /** The row as it stands in the end, or when the patience ended. */
  readonly row: RowState | undefined;
  readonly arrivals: readonly Arrival[];
  readonly verdict: Verdict;
  /** Whether mail and row came to the end that they should. */
  readonly asItShould: boolean;
  /** Where the bytes of each arrival were written. */
  readonly files: readonly string[];
}

export interface DemoListener {
  scene(title: string): void;
  mail(tale: DemoResult): void;
}

/** Plays every scene against a running pipeline and says what became of each mail. */
export async function runDemo(pipeline: LocalPipeline, teller: DemoListener): Promise<DemoResult[]> {
  const composer = createMailer(pipeline.mailerSettings);
  const tales: DemoResult[] = [];
  for (const scene of SCENES) {
    teller.scene(scene.title);
    const played = await playScene(scene, composer, pipeline);
    for (const tale of played) teller.mail(tale);
    tales.push(...played);
  }
  await composer.close();
  return tales;
}

/** The API writes rows; everything else happens by itself. */
async function playScene(scene: Scene, composer: Mailer, pipeline: LocalPipeline): Promise<DemoResult[]> {
  await recovered(pipeline);
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

/** An outage of the scene before is over, and the worker has found out: each scene starts alike. */
async function recovered({ smtp, worker }: LocalPipeline): Promise<void> {
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
  const arrivals = arrivalsOf(delivery, pipeline);
  const files = await keep(delivery, arrivals, pipeline.directory);
  const verdict = verdictOn(delivery, arrivals);
  return {
    scene: scene.title,
    id: row.id,
    row: state,
    arrivals,
    verdict,
    asItShould: isAsItShould(row, state, verdict),
    files,
  };
}

/** A mail that bounces has left us byte for byte; one to a suppressed recipient never does. */
function isAsItShould(row: OutboundRow, state: RowState | undefined, verdict: Verdict): boolean {
  if (row.end === undefined) return state?.status === 'delivered' && verdict === 'arrived';
  const statuses = Object.values(state?.recipients ?? {}).map(({ kind }) => kind);
  const isTold =
    state?.status === 'failed' && statuses.length > 0 && statuses.every((kind) => kind === row.end);
  return isTold && verdict === (row.end === 'bounced' ? 'arrived' : 'not sent');
}

/** Looks again and again, for as long as there is patience. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await delay(LOOK_EVERY_MS);
  }
  return undefined;
}

/** Writes the bytes where a person can look at them; of SES, the ones that its recipients see. */
async function keep(delivery: Delivery, arrivals: readonly Arrival[], directory: string): Promise<string[]> {
  return Promise.all(
    arrivals.map(async ({ route, raw, delivered }) => {
      const folder = join(directory, route);
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${delivery.id}.eml`);
      await writeFile(file, delivered ?? raw);
      return file;
    }),
  );
}

/** The bytes of one mail at one of the two exits. */
interface Arrival {
  readonly route: 'smtp' | 'ses';
  readonly recipients: readonly string[];
  /** As the exit was given them. */
  readonly raw: Buffer;
  /** As SES sends them on, with a Message-ID and a Date of its own. */
  readonly delivered?: Buffer;
  readonly sesMessageId?: string;
}

/** Where a delivery has come out so far. */
function arrivalsOf(delivery: Delivery, { smtp, services: { ses } }: LocalPipeline): Arrival[] {
  const bySmtp = smtp.mails.filter((mail) => isOf(delivery, mail));
  const bySes = ses.mails.filter((mail) => isResent(delivery, mail));
  return [
    // The SMTP double shows domains in Unicode; what was on the wire was their ASCII form.
    ...bySmtp.map(({ to, raw }): Arrival => ({ route: 'smtp', recipients: to.map(withAsciiDomain), raw })),
    ...bySes.map(
      ({ recipients, raw, delivered, sesMessageId }): Arrival => ({
        route: 'ses',
        recipients,
        raw,
        delivered,
        sesMessageId,
      }),
    ),
  ];
}

function isOf(delivery: Delivery, { raw }: ReceivedMail): boolean {
  return headerValues(raw, 'message-id')[0] === delivery.messageId;
}

function isResent(delivery: Delivery, { tags }: SesMail): boolean {
  return tags.deliveryId === toDeliveryIdTag(delivery.id);
}

/** What became of a mail, as far as its bytes tell. */
type Verdict = 'arrived' | 'not sent' | 'bytes differ' | 'recipients missing' | 'sent twice';

/** Every recipient has the mail once, and has the bytes that were composed. */
function verdictOn(delivery: Delivery, arrivals: readonly Arrival[]): Verdict {
  if (arrivals.length === 0) return 'not sent';
  const reached = arrivals.flatMap(({ recipients }) => recipients);
  if (delivery.to.some((recipient) => !reached.includes(recipient))) return 'recipients missing';
  if (new Set(reached).size < reached.length) return 'sent twice';
  return arrivals.every(({ raw }) => raw.equals(delivery.mime)) ? 'arrived' : 'bytes differ';
}

/** The story as a table: one line for each mail, with the way it took and where its bytes are. */
export function renderDemo(tales: readonly DemoResult[], directory: string): string {
  const table = new Table({
    head: ['mail', 'SMTP', 'settled in', 'left by', 'bytes', 'where they are', 'bytes say', 'row says'],
    style: { head: [], border: [] },
  });
  for (const { id, row, arrivals, files, verdict } of tales) {
    const attempt = row?.attempts.at(-1);
    table.push([
      id,
      attempt === undefined ? '-' : (attempt.failure?.class ?? 'taken'),
      attempt === undefined ? '-' : `${attempt.durationMs} ms`,
      arrivals.map(({ route, recipients }) => `${route} (${recipients.length})`).join('\n'),
      arrivals.map(({ raw }) => raw.length.toLocaleString('en')).join('\n'),
      files.map((file) => relative(directory, file)).join('\n'),
      verdict,
      row === undefined ? 'nothing' : endOf(row),
    ]);
  }
  return table.toString();
}

/** What the row says in the end; the reason as far as it fits into a table. */
function endOf({ status, provider, lastError }: RowState): string {
  const reason = lastError === null ? '' : `\n${lastError.slice(0, 40)}`;
  return `${status} (${provider})${reason}`;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { DlqClient } from '../../adapters/sqs/dlq-client.ts';
import { printable, readDeadLetter } from '../../cli/lookups/dead-letters.ts';
import { errorCode, messageOf } from '../../common/errors.ts';
import { unpackMime } from '../../domain/content.ts';
import type { FallbackMessage } from '../../domain/fallback-message.ts';
import { decodeEncodedWords, headerValues } from '../../domain/mime-headers.ts';
import { parseDeliveryIdTag } from '../../domain/send-batch.ts';
import type { LocalPipeline } from '../pipeline.ts';
import { type DemoScreen, firstOf } from './demo-screen.ts';
import { describeTrouble } from './trouble.ts';

const POLL_INTERVAL_MS = 500;

/** The worker writes the row right after the reply of SMTP; who sends without the worker has no row. */
const ROW_TRIES = 15;
const ROW_INTERVAL_MS = 100;

const deferredSchema = v.object({
  event: v.literal('ses-send-deferred'),
  deliveryId: v.string(),
  cause: v.string(),
});

/**
 * Shows every mail that comes out of the pipeline, writes its bytes to the folder, and shows what became a dead letter,
 * and why.
 */
export class Play {
  readonly #pipeline: LocalPipeline;
  readonly #screen: DemoScreen;
  #signal = AbortSignal.abort();
  readonly #deadLetters: DlqClient;
  readonly #knownDeadLetters = new Set<string>();
  readonly #unsubscribe: (() => void)[] = [];

  constructor(pipeline: LocalPipeline, screen: DemoScreen) {
    this.#pipeline = pipeline;
    this.#screen = screen;
    const { aws } = pipeline.services;
    this.#deadLetters = new DlqClient(aws.sqs, aws.deadLetters.url);
  }

  /** Follows the pipeline until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { smtp, services } = this.#pipeline;
    smtp.subscribe(({ to, raw }) => {
      if (!this.#signal.aborted) void this.#showSmtpMail(to, raw);
    });
    this.#unsubscribe.push(
      services.ses.subscribe(({ tags, recipients, delivered, sesMessageId }) => {
        const id =
          tags.deliveryId === undefined
            ? sesMessageId
            : (parseDeliveryIdTag(tags.deliveryId) ?? sesMessageId);
        void this.#showMail('SES', id, recipients, delivered);
      }),
      services.ses.subscribeToEvents(({ eventType, mail: { tags } }) => {
        if (eventType === 'Send' || eventType === 'Delivery') return;
        const id = parseDeliveryIdTag(tags.deliveryId?.[0] ?? '') ?? 'a mail';
        this.#screen.detail(`SES tells of ${printable(id)}: ${eventType}`);
      }),
    );
    await Promise.all([this.#watchDeadLetters(), this.#watchRows()]);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** To be called with each line of the functions' logs: SES that refuses a mail for now is silent otherwise. */
  functionLogged(line: string): void {
    if (!line.includes('ses-send-deferred')) return;
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), deferredSchema), line);
    if (!parsed.success) return;
    const { deliveryId, cause } = parsed.output;
    this.#screen.detail(`SES did not take ${printable(deliveryId)} (${cause}); it is tried again`);
  }

  async #showSmtpMail(to: readonly string[], raw: Buffer): Promise<void> {
    const [messageId = ''] = headerValues(raw, 'message-id');
    const id = (await this.#rowOf(messageId)) ?? messageId.replaceAll(/[<>]|@.*/g, '');
    await this.#showMail('SMTP', id, to, raw);
  }

  async #rowOf(messageId: string): Promise<string | undefined> {
    for (let tries = 0; tries < ROW_TRIES && !this.#signal.aborted; tries += 1) {
      const { rows } = await this.#pipeline.pool
        .query<{ id: string }>(
          `SELECT id FROM outbound_deliveries
           WHERE updated_at > now() - interval '1 minute' AND delivery_trace -> 'attempts' @> $1`,
          [JSON.stringify([{ messageId }])],
        )
        .catch(() => ({ rows: [] }));
      if (rows[0] !== undefined) return rows[0].id;
      await this.#pause(ROW_INTERVAL_MS);
    }
    return undefined;
  }

  async #showMail(way: 'SMTP' | 'SES', id: string, to: readonly string[], raw: Buffer): Promise<void> {
    const saved = await this.#save(way.toLowerCase(), id, raw);
    this.#screen.mail({
      ok: true,
      id: printable(id),
      to: printable(firstOf(to)),
      said: subjectOf(headerValues(raw, 'subject')[0]),
      way,
      took: '',
    });
    this.#screen.detail(saved);
  }

  /** @returns the file, or why there is none */
  async #save(folder: string, id: string, raw: Buffer): Promise<string> {
    const { directory } = this.#pipeline;
    const name = id.replaceAll(/[^\w.@+-]/g, '_').slice(0, 100) || 'mail';
    try {
      await mkdir(join(directory, folder), { recursive: true });
      for (let number = 1; ; number += 1) {
        const file = join(directory, folder, number === 1 ? `${name}.eml` : `${name}-${number}.eml`);
        const isWritten = await writeFile(file, raw, { flag: 'wx' }).then(
          () => true,
          (error: unknown) => {
            if (errorCode(error) === 'EEXIST') return false;
            throw error;
          },
        );
        if (isWritten) return relative(directory, file);
      }
    } catch (error) {
      return `not written: ${describeTrouble(error) ?? messageOf(error)}`;
    }
  }

  /** Looks into the queue only when it has more than was shown, so that `mailctl dlq` finds its letters there. */
  async #watchDeadLetters(): Promise<void> {
    let shown = 0;
    while (!this.#signal.aborted) {
      const counts = await this.#deadLetters.counts().catch(() => undefined);
      const count = counts === undefined ? shown : counts.waiting + counts.inFlight;
      shown = count > shown ? shown + (await this.#showDeadLetters()) : count;
      await this.#pause(POLL_INTERVAL_MS);
    }
  }

  /** @returns how many were new */
  async #showDeadLetters(): Promise<number> {
    const letters = await this.#deadLetters.receive({ most: 10, holdSeconds: 5 }).catch(() => []);
    await this.#deadLetters.giveBack(letters.map(({ receiptHandle }) => receiptHandle)).catch(() => {});
    const before = this.#knownDeadLetters.size;
    for (const letter of letters) {
      if (this.#knownDeadLetters.has(letter.queueMessageId)) continue;
      this.#knownDeadLetters.add(letter.queueMessageId);
      const { parsed, deliveryId, cause, detail } = readDeadLetter(letter);
      const message = parsed.kind === 'message' ? parsed.message : undefined;
      this.#screen.mail({
        ok: false,
        id: deliveryId ?? '-',
        to: printable(firstOf(message?.envelope.to ?? [])),
        said: message === undefined ? '-' : subjectIn(message),
        way: 'dead',
        took: '',
      });
      this.#screen.detail(`dead letter: ${cause}: ${detail}`);
    }
    return this.#knownDeadLetters.size - before;
  }

  /** Rows that the worker or a receipt has ended as failed. */
  async #watchRows(): Promise<void> {
    const known = new Set((await this.#failedRows()).map(({ id }) => id));
    while (!this.#signal.aborted) {
      for (const { id, reason } of await this.#failedRows()) {
        if (known.has(id)) continue;
        known.add(id);
        this.#screen.detail(`the row ${printable(id)} says failed: ${printable(reason ?? 'no reason')}`);
      }
      await this.#pause(POLL_INTERVAL_MS);
    }
  }

  async #failedRows(): Promise<readonly { readonly id: string; readonly reason: string | null }[]> {
    const { rows } = await this.#pipeline.pool
      .query<{ id: string; reason: string | null }>(
        `SELECT id, last_error AS reason FROM outbound_deliveries
         WHERE status = 'failed' AND updated_at > now() - interval '1 hour' LIMIT 1000`,
      )
      .catch(() => ({ rows: [] }));
    return rows;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#signal }).catch(() => {});
  }
}

function subjectIn({ content }: FallbackMessage): string {
  if (content.type === 'mail') return subjectOf(content.subject);
  if (content.type === 's3') return '(in S3)';
  const unpacked = unpackMime(content);
  return unpacked.kind === 'mime' ? subjectOf(headerValues(unpacked.mime, 'subject')[0]) : '-';
}

function subjectOf(subject: string | undefined): string {
  return subject === undefined ? '(no subject)' : printable(decodeEncodedWords(subject));
}

import { setTimeout as delay } from 'node:timers/promises';
import { DeleteMessageBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { parseReceipt, type Receipt } from '../../domain/receipt.ts';
import { type Backoff, backoffMs } from '../../domain/retry.ts';
import type { ReceiptListener } from '../../ports/queues.ts';

/** The SQS maximum of both. */
const BATCH_SIZE = 10;
const LONG_POLL_SECONDS = 20;

/** Receipts arrive in ones and twos; a short wait turns several into one billed receive and delete. */
const GATHER_MS = 1_000;

const BACKOFF: Backoff = { firstMs: 100, longestMs: 10_000 };

/** Attempt timeout of a client for this source: a long poll and its response. */
export const RECEIVE_TRY_TIMEOUT_MS = 30_000;

/** Total time for a delete, including SDK retries. */
const DELETE_TIMEOUT_MS = 10_000;

/**
 * Receives receipts from SQS by long polling, and deletes those that its listener has completed. It needs
 * only sqs:ReceiveMessage and sqs:DeleteMessage. What is not deleted is redelivered after the queue's
 * visibility timeout.
 *
 * The library polls. It does not delete, because its stop would abort the deletes of handled receipts; and it
 * does not back off after most errors, so each poll waits before it starts.
 */
export class SqsReceiptSource {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #listener: ReceiptListener;
  readonly #random: () => number;
  readonly #consumer: Consumer;
  readonly #stopping = new AbortController();
  #handling: Promise<void> = Promise.resolve();
  /** Consecutive failures of the queue and of the listener. */
  #failures = 0;
  #listenerFailed = false;
  /** The last poll returned some receipts but not a full batch: the next can wait for more. */
  #gathers = false;

  /**
   * @param sqs with the attempt timeout `RECEIVE_TRY_TIMEOUT_MS`
   * @param random a number in [0, 1)
   */
  constructor(sqs: SQSClient, queueUrl: string, listener: ReceiptListener, random: () => number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#listener = listener;
    this.#random = random;
    this.#consumer = Consumer.create({
      queueUrl,
      sqs,
      batchSize: BATCH_SIZE,
      waitTimeSeconds: LONG_POLL_SECONDS,
      shouldDeleteMessages: false,
      authenticationErrorTimeout: 0,
      preReceiveMessageCallback: () => this.#pause(),
      handleMessageBatch: (messages) => this.#handle(messages),
    });
    this.#consumer.on('empty', () => this.#succeeded());
    this.#consumer.on('error', (error) => this.#pollFailed(error));
  }

  /** Runs until `stop`, even if the queue or the listener fails. Cannot be started again. */
  start(): void {
    if (this.#stopping.signal.aborted) throw new Error('the receipts were stopped already');
    this.#consumer.start();
  }

  /** Receives nothing more, and waits for the listener. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#consumer.stop({ abort: true });
    await this.#handling;
  }

  /** Backs off after failures, and waits until the listener is ready again. */
  async #pause(): Promise<void> {
    const { signal } = this.#stopping;
    if (this.#gathers) await delay(GATHER_MS, undefined, { signal }).catch(() => {});
    this.#gathers = false;
    while (this.#failures > 0 && !signal.aborted) {
      await delay(backoffMs(BACKOFF, this.#failures, this.#random()), undefined, { signal }).catch(() => {});
      if (signal.aborted || (await this.#listenerReady())) return;
      this.#failures += 1;
    }
  }

  async #listenerReady(): Promise<boolean> {
    if (!this.#listenerFailed) return true;
    try {
      await this.#listener.ready();
      this.#listenerFailed = false;
      return true;
    } catch {
      return false;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
  }

  /** The library wraps SDK errors; an aborted poll is not a failure. */
  #pollFailed(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    this.#failures += 1;
    this.#listener.queueFailed('receive', error.cause ?? error);
  }

  async #handle(messages: readonly Message[]): Promise<undefined> {
    // What arrives during the stop is redelivered.
    if (this.#stopping.signal.aborted) return;
    this.#gathers = messages.length < BATCH_SIZE;
    this.#handling = this.#handleAndDelete(this.#read(messages));
    await this.#handling;
  }

  /** The receipts with their receipt handles. */
  #read(messages: readonly Message[]): Map<Receipt, string> {
    const handles = new Map<Receipt, string>();
    for (const { Body = '', MessageId = '', ReceiptHandle = '' } of messages) {
      const parsed = parseReceipt(Body);
      if (parsed.kind === 'receipt') handles.set(parsed.receipt, ReceiptHandle);
      else this.#listener.unreadable(MessageId, parsed.detail);
    }
    return handles;
  }

  async #handleAndDelete(handles: ReadonlyMap<Receipt, string>): Promise<void> {
    if (handles.size === 0) return;
    try {
      const done = await this.#listener.take([...handles.keys()]);
      this.#succeeded();
      await this.#delete(done.flatMap((receipt) => handles.get(receipt) ?? []));
    } catch {
      this.#listenerFailed = true;
      this.#failures += 1;
    }
  }

  /** Never throws: a receipt that was not deleted is redelivered and changes nothing. */
  async #delete(handles: readonly string[]): Promise<void> {
    if (handles.length === 0) return;
    try {
      const { Failed = [] } = await this.#sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: handles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
        }),
        { abortSignal: AbortSignal.timeout(DELETE_TIMEOUT_MS) },
      );
      for (const { Code } of Failed) {
        this.#listener.queueFailed('delete', new NotDeletedError(Code ?? 'unnamed'));
      }
    } catch (error) {
      this.#listener.queueFailed('delete', error);
    }
  }
}

/** SQS responded but did not delete the message. */
class NotDeletedError extends Error {
  override readonly name = 'NotDeletedError';
  readonly code: string;

  constructor(code: string) {
    super(`SQS did not delete a receipt: ${code}`);
    this.code = code;
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { DeleteMessageBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { parseReceipt, type Receipt } from '../../domain/receipt.ts';
import { type Backoff, backoffMs } from '../../domain/retry.ts';
import type { ReceiptListener } from '../../ports/queues.ts';

/** The most of both that SQS allows. */
const BATCH_SIZE = 10;
const LONG_POLL_SECONDS = 20;

/** Receipts come in ones and twos; what is gathered for a moment is paid for as one poll and one delete. */
const GATHER_MS = 1_000;

const BACKOFF: Backoff = { firstMs: 100, longestMs: 10_000 };

/** One try of a client for this source: a long poll and its answer. */
export const RECEIVE_TRY_TIMEOUT_MS = 30_000;

/** What deleting may take in all, the tries of the SDK included. */
const DELETE_TIMEOUT_MS = 10_000;

/**
 * Receives receipts from SQS by long polling, and deletes what its listener is done with. It asks for
 * sqs:ReceiveMessage and sqs:DeleteMessage alone. What is left in the queue comes again after the queue's own
 * visibility timeout.
 *
 * The library polls. It does not delete here, since its stop would break off the deletes of what was handled; and
 * it knows no pause after most errors, so each poll waits before it begins.
 */
export class SqsReceiptSource {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #listener: ReceiptListener;
  readonly #random: () => number;
  readonly #consumer: Consumer;
  readonly #stopping = new AbortController();
  #handling: Promise<void> = Promise.resolve();
  /** In a row, of the queue and of the listener. */
  #failures = 0;
  #listenerFailed = false;
  /** The last poll brought some receipts, and not as many as it could: the next may as well wait for more. */
  #gathers = false;

  /**
   * @param sqs whose tries may last `RECEIVE_TRY_TIMEOUT_MS`
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

  /** Goes on until `stop`, whatever the queue and the listener do meanwhile. It cannot be started again. */
  start(): void {
    if (this.#stopping.signal.aborted) throw new Error('the receipts were stopped already');
    this.#consumer.start();
  }

  /** Takes nothing more, and waits for what is in the listener's hands. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#consumer.stop({ abort: true });
    await this.#handling;
  }

  /** After a failure: the longer the more there were, and until the listener can take something again. */
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

  /** The library wraps what the SDK threw; to break off a poll is no failure. */
  #pollFailed(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    this.#failures += 1;
    this.#listener.queueFailed('receive', error.cause ?? error);
  }

  async #handle(messages: readonly Message[]): Promise<undefined> {
    // What arrives with the stop comes again.
    if (this.#stopping.signal.aborted) return;
    this.#gathers = messages.length < BATCH_SIZE;
    this.#handling = this.#takeAndDelete(this.#read(messages));
    await this.#handling;
  }

  /** The receipts, and by what each is deleted. */
  #read(messages: readonly Message[]): Map<Receipt, string> {
    const handles = new Map<Receipt, string>();
    for (const { Body = '', MessageId = '', ReceiptHandle = '' } of messages) {
      const parsed = parseReceipt(Body);
      if (parsed.kind === 'receipt') handles.set(parsed.receipt, ReceiptHandle);
      else this.#listener.unreadable(MessageId, parsed.detail);
    }
    return handles;
  }

  async #takeAndDelete(handles: ReadonlyMap<Receipt, string>): Promise<void> {
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

  /** Never throws: a receipt that was not deleted comes again and changes nothing. */
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

/** SQS answered, and did not delete the message. */
class NotDeletedError extends Error {
  override readonly name = 'NotDeletedError';
  readonly code: string;

  constructor(code: string) {
    super(`SQS did not delete a receipt: ${code}`);
    this.code = code;
  }
}

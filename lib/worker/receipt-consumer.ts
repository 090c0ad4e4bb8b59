import { PostgresReceiptStore } from '../adapters/postgres/postgres-receipt-store.ts';
import { openSqsClient } from '../adapters/sqs/sqs-client.ts';
import { RECEIVE_TRY_TIMEOUT_MS, SqsReceiptSource } from '../adapters/sqs/sqs-receipt-source.ts';
import { withTimeout } from '../common/async.ts';
import { errorCode } from '../common/errors.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { ReceiptObserver, ReceiptResult, ReceiptStore } from '../ports/outbox.ts';
import type { ReceiptListener } from '../ports/queues.ts';
import { type Log, silentLog } from '../ports/runtime.ts';
import { connectionOf } from './database-settings.ts';
import type { WorkerSettings } from './settings.ts';

export interface ReceiptConsumerOptions {
  /** An output of the stack. */
  readonly queueUrl: string;
  /** @default 'eu-west-1' */
  readonly region?: string;
  /** Of a user with sqs:ReceiveMessage and sqs:DeleteMessage. @default the SDK's credential provider chain */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** An emulator or a VPC endpoint. @default the AWS endpoint */
  readonly endpoint?: string;
  /**
   * Called for each receipt, up to ten concurrently. Receipts may be late, duplicated and out of order. When
   * it resolves, the receipt is deleted. If it throws or takes longer than 50 s, the receipt is redelivered
   * after the queue's visibility timeout, and moves to the dead-letter queue after 1,000 receives.
   */
  readonly onReceipt: (receipt: Receipt) => unknown;
  /** Logs failures, without the content of receipts. @default none */
  readonly log?: Log;
  /** Receives errors of `onReceipt` and of the queue; the consumer continues. @default none */
  readonly onError?: (error: unknown) => void;
}

export interface ReceiptConsumer {
  /** Runs until `stop`, even if the queue or the callback fails. */
  start(): void;
  /**
   * Receives nothing more and waits for running callbacks.
   *
   * @param timeoutMs the longest wait for them @default 25000
   */
  stop(timeoutMs?: number): Promise<void>;
}

const DEFAULT_STOP_TIMEOUT_MS = 25_000;

/** For custom handling of receipts; a worker with `RECEIPTS_QUEUE_URL` writes them to its rows instead. */
export function createReceiptConsumer(options: ReceiptConsumerOptions): ReceiptConsumer {
  const { queueUrl, region = 'eu-west-1', credentials, endpoint, onReceipt, onError } = options;
  const sqs = openSqsClient({ region, ...credentials, endpoint, tryTimeoutMs: RECEIVE_TRY_TIMEOUT_MS });
  const givenUp = new AbortController();
  const callback = new ReceiptCallback({
    onReceipt,
    onError: onError ?? (() => {}),
    log: options.log ?? silentLog,
    givenUp: givenUp.signal,
  });
  const source = new SqsReceiptSource(sqs, queueUrl, callback, Math.random);
  return {
    start: () => source.start(),
    stop: async (timeoutMs = DEFAULT_STOP_TIMEOUT_MS) => {
      await withTimeout(source.stop(), timeoutMs);
      givenUp.abort();
      sqs.destroy();
    },
  };
}

/** Within the queue's visibility timeout (five minutes): after that, another consumer has the receipt. */
const HANDLE_TIMEOUT_MS = 50_000;

interface ReceiptCallbackDeps {
  readonly onReceipt: (receipt: Receipt) => unknown;
  readonly onError: (error: unknown) => void;
  readonly log: Log;
  /** Aborts when the consumer stops waiting for callbacks. */
  readonly givenUp: AbortSignal;
}

/** Passes each receipt to the API's callback. */
class ReceiptCallback implements ReceiptListener {
  readonly #deps: ReceiptCallbackDeps;

  constructor(deps: ReceiptCallbackDeps) {
    this.#deps = deps;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const handled = await Promise.all(receipts.map((receipt) => this.#handle(receipt)));
    // If nothing can be handled, receiving more receipts only uses up their receive counts.
    if (!handled.includes(true)) throw new NothingHandledError();
    return receipts.filter((_, index) => handled[index]);
  }

  async ready(): Promise<void> {}

  unreadable(queueMessageId: string, detail: string): void {
    this.#deps.log.error('receipt-unreadable', { queueMessageId, detail });
  }

  queueFailed(action: 'receive' | 'delete', error: unknown): void {
    this.#deps.log.error('receipts-unavailable', { while: action, code: errorCode(error) });
    this.#deps.onError(error);
  }

  /** @returns true if it can be deleted */
  async #handle(receipt: Receipt): Promise<boolean> {
    const result = await withTimeout(this.#call(receipt), HANDLE_TIMEOUT_MS, this.#deps.givenUp);
    if (result.kind === 'done') return true;
    const error = result.kind === 'failed' ? result.error : new HandlerTooSlowError();
    this.#deps.log.error('receipt-not-handled', {
      deliveryId: receipt.id,
      kind: receipt.kind,
      code: errorCode(error),
    });
    this.#deps.onError(error);
    return false;
  }

  async #call(receipt: Receipt): Promise<void> {
    await this.#deps.onReceipt(receipt);
  }
}

class HandlerTooSlowError extends Error {
  override readonly name = 'HandlerTooSlowError';
  readonly code = 'ERECEIPTHANDLER';

  constructor() {
    super(`a receipt was not handled within ${HANDLE_TIMEOUT_MS} ms, or before the stop`);
  }
}

class NothingHandledError extends Error {
  override readonly name = 'NothingHandledError';
}

export interface ReceiptConsumption {
  /** Receives no more and finishes the current receipts within the timeout; the rest are redelivered. */
  stop(timeoutMs: number): Promise<void>;
}

/** Writes receipts to the rows until stopped; does nothing if the settings have no receipts queue. */
export function consumeReceipts(
  settings: WorkerSettings,
  observer: ReceiptObserver,
  log: Log,
): ReceiptConsumption {
  const { receiptsQueueUrl, workerId } = settings;
  if (receiptsQueueUrl === undefined) return { stop: async () => {} };
  const { sqsEndpoint: endpoint, ...connection } = settings.mailer.fallback;
  const sqs = openSqsClient({ ...connection, endpoint, tryTimeoutMs: RECEIVE_TRY_TIMEOUT_MS });
  const store = new PostgresReceiptStore({
    ...connectionOf(settings.database),
    workerId,
    log,
  });
  const source = new SqsReceiptSource(
    sqs,
    receiptsQueueUrl,
    new ReceiptsToRows({ store, observer, log }),
    Math.random,
  );
  source.start();
  return {
    stop: async (timeoutMs) => {
      await withTimeout(source.stop(), timeoutMs);
      sqs.destroy();
      await store.close();
    },
  };
}

interface ReceiptsToRowsDeps {
  readonly store: ReceiptStore;
  readonly observer: ReceiptObserver;
  readonly log: Log;
}

/** Writes receipts to the rows of their deliveries. */
class ReceiptsToRows implements ReceiptListener {
  readonly #deps: ReceiptsToRowsDeps;

  constructor(deps: ReceiptsToRowsDeps) {
    this.#deps = deps;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const results = await this.#observed('entering-receipts', () => this.#deps.store.apply(receipts));
    return receipts.filter((receipt, index) => this.#isDone(receipt, results[index] ?? 'too-early'));
  }

  async ready(): Promise<void> {
    await this.#observed('waiting-to-enter-receipts', () => this.#deps.store.ready());
  }

  unreadable(queueMessageId: string, detail: string): void {
    this.#deps.observer.unreadable();
    this.#deps.log.error('receipt-unreadable', { queueMessageId, detail });
  }

  queueFailed(action: 'receive' | 'delete', error: unknown): void {
    this.#deps.observer.queueError(action);
    this.#deps.log.error('receipts-unavailable', { while: action, code: errorCode(error) });
  }

  #isDone({ id, kind }: Receipt, result: ReceiptResult): boolean {
    const { observer, log } = this.#deps;
    observer.received(kind, result);
    log.info('receipt', { deliveryId: id, kind, result });
    return result !== 'too-early' && result !== 'refused';
  }

  async #observed<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.#deps.observer.storeError(errorCode(error));
      this.#deps.log.error('outbox-unavailable', { while: what, ...loggedError(error) });
      throw error;
    }
  }
}

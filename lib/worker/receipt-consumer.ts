import { PostgresReceiptStore } from '../adapters/postgres/postgres-receipt-store.ts';
import { openSqsClient } from '../adapters/sqs/sqs-client.ts';
import { RECEIVE_TRY_TIMEOUT_MS, SqsReceiptSource } from '../adapters/sqs/sqs-receipt-source.ts';
import { withTimeout } from '../common/async.ts';
import { errorCode } from '../common/errors.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { ReceiptObserver, ReceiptResult, ReceiptStore } from '../ports/outbox.ts';
import type { ReceiptListener } from '../ports/queues.ts';
import { type Log, silentLog } from '../ports/runtime.ts';
import type { WorkerSettings } from './settings.ts';

export interface ReceiptConsumerOptions {
  /** An output of the stack. */
  readonly queueUrl: string;
  /** @default 'eu-west-1' */
  readonly region?: string;
  /** Of a user that may do sqs:ReceiveMessage and sqs:DeleteMessage. @default what the SDK finds by its own chain */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** An emulator or a VPC endpoint. @default AWS's own */
  readonly endpoint?: string;
  /**
   * Called for each receipt, for up to ten at once. They may come late, twice and in any order. Once it has
   * resolved, the receipt is deleted. Where it throws, or takes longer than 50 s, the receipt comes again after the
   * visibility timeout of the queue, and after 1,000 times it goes to the dead letters.
   */
  readonly onReceipt: (receipt: Receipt) => unknown;
  /** Where failures are told, without the content of receipts. @default nowhere */
  readonly log?: Log;
  /** Is given what `onReceipt` threw, and errors of the queue; the consumer itself goes on. @default nobody */
  readonly onError?: (error: unknown) => void;
}

export interface ReceiptConsumer {
  /** Goes on until `stop`, whatever the queue and the callback do meanwhile. */
  start(): void;
  /**
   * Takes nothing more, and waits for callbacks under way.
   *
   * @param timeoutMs how long to wait for them at most @default 25000
   */
  stop(timeoutMs?: number): Promise<void>;
}

const DEFAULT_STOP_TIMEOUT_MS = 25_000;

/** For those who take the receipts by themselves; a worker with `RECEIPTS_QUEUE_URL` enters them into its rows. */
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

/** Within the visibility timeout of the queue (five minutes): later, somebody else has the receipt. */
const HANDLE_TIMEOUT_MS = 50_000;

interface ReceiptCallbackDeps {
  readonly onReceipt: (receipt: Receipt) => unknown;
  readonly onError: (error: unknown) => void;
  readonly log: Log;
  /** Aborts when nobody waits for the callback any more. */
  readonly givenUp: AbortSignal;
}

/** Hands receipts to a function of the API, each by itself. */
class ReceiptCallback implements ReceiptListener {
  readonly #deps: ReceiptCallbackDeps;

  constructor(deps: ReceiptCallbackDeps) {
    this.#deps = deps;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const handled = await Promise.all(receipts.map((receipt) => this.#handle(receipt)));
    // Where nothing can be handled, more receipts would only use up their tries.
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

  /** @returns whether it is done with */
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
  /** Takes no more receipts, and finishes those in hand for so long; what is left comes again. */
  stop(timeoutMs: number): Promise<void>;
}

/** Brings receipts to the rows until it is stopped; does nothing where the settings name no queue of them. */
export function consumeReceipts(
  settings: WorkerSettings,
  observer: ReceiptObserver,
  log: Log,
): ReceiptConsumption {
  const { receiptsQueueUrl, workerId } = settings;
  if (receiptsQueueUrl === undefined) return { stop: async () => {} };
  const { connectionString } = settings.database;
  const { sqsEndpoint: endpoint, ...connection } = settings.mailer.fallback;
  const sqs = openSqsClient({ ...connection, endpoint, tryTimeoutMs: RECEIVE_TRY_TIMEOUT_MS });
  const book = new PostgresReceiptStore({
    ...(connectionString === undefined ? {} : { connectionString }),
    workerId,
    log,
  });
  const source = new SqsReceiptSource(
    sqs,
    receiptsQueueUrl,
    new ReceiptsToRows({ book, observer, log }),
    Math.random,
  );
  source.start();
  return {
    stop: async (timeoutMs) => {
      await withTimeout(source.stop(), timeoutMs);
      sqs.destroy();
      await book.close();
    },
  };
}

interface ReceiptsToRowsDeps {
  readonly book: ReceiptStore;
  readonly observer: ReceiptObserver;
  readonly log: Log;
}

/** Enters receipts into the rows of their deliveries. */
class ReceiptsToRows implements ReceiptListener {
  readonly #deps: ReceiptsToRowsDeps;

  constructor(deps: ReceiptsToRowsDeps) {
    this.#deps = deps;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const results = await this.#asking('entering-receipts', () => this.#deps.book.apply(receipts));
    return receipts.filter((receipt, index) => this.#isDone(receipt, results[index] ?? 'too-early'));
  }

  async ready(): Promise<void> {
    await this.#asking('waiting-to-enter-receipts', () => this.#deps.book.ready());
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

  async #asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      this.#deps.observer.storeError(errorCode(error));
      this.#deps.log.error('outbox-unavailable', { while: what, code: errorCode(error) });
      throw error;
    }
  }
}

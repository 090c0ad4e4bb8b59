import { openSqsClient } from '../adapters/sqs/open-sqs-client.ts';
import { RECEIVE_TRY_TIMEOUT_MS, SqsReceiptSource } from '../adapters/sqs/sqs-receipt-source.ts';
import type { Receipt } from '../message/receipt.ts';
import { type Log, silentLog } from '../ports/log.ts';
import { inTime } from './bounded-wait.ts';
import { ReceiptCallback } from './receipt-callback.ts';

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
      await inTime(source.stop(), timeoutMs);
      givenUp.abort();
      sqs.destroy();
    },
  };
}

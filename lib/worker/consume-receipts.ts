import { PostgresReceiptBook } from '../adapters/postgres/postgres-receipt-book.ts';
import { openSqsClient } from '../adapters/sqs/open-sqs-client.ts';
import { RECEIVE_TRY_TIMEOUT_MS, SqsReceiptSource } from '../adapters/sqs/sqs-receipt-source.ts';
import type { Log } from '../ports/log.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import { inTime } from './bounded-wait.ts';
import { ReceiptsToRows } from './receipts-to-rows.ts';
import type { WorkerSettings } from './worker-settings.ts';

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
  const book = new PostgresReceiptBook({
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
      await inTime(source.stop(), timeoutMs);
      sqs.destroy();
      await book.close();
    },
  };
}

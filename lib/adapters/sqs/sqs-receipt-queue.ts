import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type Receipt, serialiseReceipt } from '../../domain/receipt.ts';
import type { ReceiptQueue } from '../../ports/queues.ts';
import { intoBatches, messageGroup } from './sqs-client.ts';

interface Waiting {
  readonly receipt: Receipt;
  readonly body: string;
  readonly bytes: number;
  readonly settle: (isConfirmed: boolean) => void;
}

/** Sends receipts to SQS, as many per call as possible, including those pushed within the gathering time. */
export class SqsReceiptQueue implements ReceiptQueue {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;
  readonly #gatherMs: number;
  #waiting: Waiting[] = [];

  /**
   * @param timeoutMs total time for one call, including SDK retries
   * @param gatherMs how far apart pushes may be that share a call; 0 for those of one turn of the event loop
   */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number, gatherMs = 0) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
    this.#gatherMs = gatherMs;
  }

  async push(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const confirmed = await Promise.all(receipts.map((receipt) => this.#pushOne(receipt)));
    return receipts.filter((_, index) => !confirmed[index]);
  }

  #pushOne(receipt: Receipt): Promise<boolean> {
    const body = serialiseReceipt(receipt);
    return new Promise((settle) => {
      if (this.#waiting.length === 0) this.#flushSoon();
      this.#waiting.push({ receipt, body, bytes: Buffer.byteLength(body), settle });
    });
  }

  #flushSoon(): void {
    const flush = () => this.#flush();
    if (this.#gatherMs === 0) setImmediate(flush);
    else setTimeout(flush, this.#gatherMs);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const batch of intoBatches(waiting)) void this.#sendBatch(batch);
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const confirmed = await this.#confirmedOf(batch);
    for (const [index, { settle }] of batch.entries()) settle(confirmed.has(String(index)));
  }

  /** The caller pushes failed receipts again, whatever the reason. */
  async #confirmedOf(batch: readonly Waiting[]): Promise<ReadonlySet<string | undefined>> {
    try {
      const { Successful = [] } = await this.#sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: batch.map(({ body, receipt }, index) => ({
            Id: String(index),
            MessageBody: body,
            ...messageGroup(receipt.tenantId),
          })),
        }),
        { abortSignal: AbortSignal.timeout(this.#timeoutMs) },
      );
      return new Set(Successful.map(({ Id }) => Id));
    } catch {
      return new Set();
    }
  }
}

import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type Receipt, serialiseReceipt } from '../../domain/receipt.ts';
import type { ReceiptQueue } from '../../ports/queues.ts';
import { intoBatches, messageGroup } from './sqs-client.ts';

/** Deliveries that are processed concurrently have their receipts ready at nearly the same time. */
const GATHER_MS = 10;

interface Waiting {
  readonly receipt: Receipt;
  readonly body: string;
  readonly bytes: number;
  readonly settle: (isConfirmed: boolean) => void;
}

/** Sends receipts to SQS, as many per call as possible, including those pushed a moment apart. */
export class SqsReceiptQueue implements ReceiptQueue {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;
  #waiting: Waiting[] = [];

  /** @param timeoutMs total time for one call, including SDK retries */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
  }

  async push(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const confirmed = await Promise.all(receipts.map((receipt) => this.#pushOne(receipt)));
    return receipts.filter((_, index) => !confirmed[index]);
  }

  #pushOne(receipt: Receipt): Promise<boolean> {
    const body = serialiseReceipt(receipt);
    return new Promise((settle) => {
      if (this.#waiting.length === 0) setTimeout(() => this.#flush(), GATHER_MS);
      this.#waiting.push({ receipt, body, bytes: Buffer.byteLength(body), settle });
    });
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

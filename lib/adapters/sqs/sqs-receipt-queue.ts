import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type Receipt, serialiseReceipt } from '../../message/receipt.ts';
import type { ReceiptQueue } from '../../ports/receipt-queue.ts';
import { intoBatches } from './into-batches.ts';

interface Waiting {
  readonly receipt: Receipt;
  readonly body: string;
  readonly bytes: number;
}

/** Puts receipts into SQS, as many in one call as it takes. */
export class SqsReceiptQueue implements ReceiptQueue {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs what one call may take in all, the tries of the SDK included */
  constructor(sqs: SQSClient, queueUrl: string, timeoutMs: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#timeoutMs = timeoutMs;
  }

  async push(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const unconfirmed = await Promise.all(
      intoBatches(receipts.map(waiting)).map((batch) => this.#sendBatch(batch)),
    );
    return unconfirmed.flat();
  }

  /** @returns what SQS did not confirm */
  async #sendBatch(batch: readonly Waiting[]): Promise<Receipt[]> {
    const taken = await this.#confirmedOf(batch);
    return batch.filter((_, index) => !taken.has(String(index))).map(({ receipt }) => receipt);
  }

  /** Whatever went wrong, it is for the caller to push again; the reason makes no difference. */
  async #confirmedOf(batch: readonly Waiting[]): Promise<ReadonlySet<string | undefined>> {
    try {
      const { Successful = [] } = await this.#sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: batch.map(({ body, receipt }, index) => ({
            Id: String(index),
            MessageBody: body,
            // On a standard queue the group makes it fair: a tenant's flood does not hold up the others.
            ...(receipt.tenantId === undefined ? {} : { MessageGroupId: receipt.tenantId }),
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

function waiting(receipt: Receipt): Waiting {
  const body = serialiseReceipt(receipt);
  return { receipt, body, bytes: Buffer.byteLength(body) };
}

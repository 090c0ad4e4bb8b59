import type { Receipt } from '../message/receipt.ts';
import type { Log } from '../ports/log.ts';
import type { ReceiptBook, ReceiptResult } from '../ports/receipt-book.ts';
import type { ReceiptListener } from '../ports/receipt-listener.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import { errorCode } from './error-code.ts';

export interface ReceiptsToRowsParts {
  readonly book: ReceiptBook;
  readonly observer: ReceiptObserver;
  readonly log: Log;
}

/** Enters receipts into the rows of their deliveries. */
export class ReceiptsToRows implements ReceiptListener {
  readonly #parts: ReceiptsToRowsParts;

  constructor(parts: ReceiptsToRowsParts) {
    this.#parts = parts;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const results = await this.#asking('entering-receipts', () => this.#parts.book.enter(receipts));
    return receipts.filter((receipt, index) => this.#isDone(receipt, results[index] ?? 'too-early'));
  }

  async ready(): Promise<void> {
    await this.#asking('waiting-to-enter-receipts', () => this.#parts.book.ready());
  }

  unreadable(queueMessageId: string, detail: string): void {
    this.#parts.observer.unreadable();
    this.#parts.log.error('receipt-unreadable', { queueMessageId, detail });
  }

  queueFailed(action: 'receive' | 'delete', error: unknown): void {
    this.#parts.observer.queueError(action);
    this.#parts.log.error('receipts-unavailable', { while: action, code: errorCode(error) });
  }

  #isDone({ id, kind }: Receipt, result: ReceiptResult): boolean {
    const { observer, log } = this.#parts;
    observer.received(kind, result);
    log.info('receipt', { deliveryId: id, kind, result });
    return result !== 'too-early' && result !== 'refused';
  }

  async #asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      this.#parts.observer.bookError(errorCode(error));
      this.#parts.log.error('outbox-unavailable', { while: what, code: errorCode(error) });
      throw error;
    }
  }
}

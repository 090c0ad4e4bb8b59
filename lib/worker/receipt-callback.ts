import type { Receipt } from '../message/receipt.ts';
import type { Log } from '../ports/log.ts';
import type { ReceiptListener } from '../ports/receipt-listener.ts';
import { inTime } from './bounded-wait.ts';
import { errorCode } from './error-code.ts';

/** Within the visibility timeout of the queue (five minutes): later, somebody else has the receipt. */
const HANDLE_TIMEOUT_MS = 50_000;

export interface ReceiptCallbackParts {
  readonly onReceipt: (receipt: Receipt) => unknown;
  readonly onError: (error: unknown) => void;
  readonly log: Log;
  /** Aborts when nobody waits for the callback any more. */
  readonly givenUp: AbortSignal;
}

/** Hands receipts to a function of the API, each by itself. */
export class ReceiptCallback implements ReceiptListener {
  readonly #parts: ReceiptCallbackParts;

  constructor(parts: ReceiptCallbackParts) {
    this.#parts = parts;
  }

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const handled = await Promise.all(receipts.map((receipt) => this.#handle(receipt)));
    // Where nothing can be handled, more receipts would only use up their tries.
    if (!handled.includes(true)) throw new NothingHandledError();
    return receipts.filter((_, index) => handled[index]);
  }

  async ready(): Promise<void> {}

  unreadable(queueMessageId: string, detail: string): void {
    this.#parts.log.error('receipt-unreadable', { queueMessageId, detail });
  }

  queueFailed(action: 'receive' | 'delete', error: unknown): void {
    this.#parts.log.error('receipts-unavailable', { while: action, code: errorCode(error) });
    this.#parts.onError(error);
  }

  /** @returns whether it is done with */
  async #handle(receipt: Receipt): Promise<boolean> {
    const result = await inTime(this.#call(receipt), HANDLE_TIMEOUT_MS, this.#parts.givenUp);
    if (result.kind === 'done') return true;
    const error = result.kind === 'failed' ? result.error : new HandlerTooSlowError();
    this.#parts.log.error('receipt-not-handled', {
      deliveryId: receipt.id,
      kind: receipt.kind,
      code: errorCode(error),
    });
    this.#parts.onError(error);
    return false;
  }

  async #call(receipt: Receipt): Promise<void> {
    await this.#parts.onReceipt(receipt);
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

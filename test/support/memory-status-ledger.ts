import type { BatchStatuses, StatusLedger } from '../../lib/ports/ledger.ts';

/** A ledger of statuses in memory; each read is a copy of its own. */
export class MemoryFateLedger implements StatusLedger {
  readonly #parts = new Map<string, BatchStatuses>();
  /** How many writes were confirmed. */
  writes = 0;

  async read(deliveryId: string, part: number): Promise<BatchStatuses | undefined> {
    return structuredClone(this.#parts.get(keyOf(deliveryId, part)));
  }

  async write(told: Parameters<StatusLedger['write']>[0], before: number): Promise<boolean> {
    const { deliveryId, part, sesMessageId, sentAt, recipients, statuses } = told;
    const known = this.#parts.get(keyOf(deliveryId, part));
    if ((known?.fatesVersion ?? 0) !== before) return false;
    this.put({
      ...(known ?? { deliveryId, part }),
      recipients,
      ...(known?.state === 'sent' ? { state: 'sent' } : { state: 'sent', sesMessageId, sentAt }),
      statuses: statuses,
      fatesVersion: before + 1,
    });
    this.writes += 1;
    return true;
  }

  /** Puts a part there as the resend Lambda would have. */
  put(part: BatchStatuses): void {
    this.#parts.set(keyOf(part.deliveryId, part.part), structuredClone(part));
  }
}

function keyOf(deliveryId: string, part: number): string {
  return JSON.stringify([deliveryId, part]);
}

import type { BatchStatuses, StatusLedger } from '../../lib/ports/ledger.ts';

/** A ledger of statuses in memory; each read returns its own copy. */
export class MemoryFateLedger implements StatusLedger {
  readonly #parts = new Map<string, BatchStatuses>();
  /** The number of confirmed writes. */
  writes = 0;

  async read(deliveryId: string, part: number): Promise<BatchStatuses | undefined> {
    return structuredClone(this.#parts.get(keyOf(deliveryId, part)));
  }

  async write(written: Parameters<StatusLedger['write']>[0], before: number): Promise<boolean> {
    const { deliveryId, part, sesMessageId, sentAt, recipients, statuses } = written;
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

  /** Puts a send batch in the state that the resend Lambda leaves it. */
  put(part: BatchStatuses): void {
    this.#parts.set(keyOf(part.deliveryId, part.part), structuredClone(part));
  }
}

function keyOf(deliveryId: string, part: number): string {
  return JSON.stringify([deliveryId, part]);
}

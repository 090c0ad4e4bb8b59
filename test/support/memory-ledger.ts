import type { BatchClaim, BatchResult, Ledger, NewSendBatch, SendBatch } from '../../lib/ports/ledger.ts';

/** A ledger in memory, for tests of decisions that depend on it. */
export class MemoryLedger implements Ledger {
  readonly batches: SendBatch[] = [];

  async partsOf(deliveryId: string): Promise<SendBatch[]> {
    return this.batches
      .filter((batch) => batch.deliveryId === deliveryId)
      .sort((one, other) => one.part - other.part);
  }

  async open(part: NewSendBatch): Promise<boolean> {
    if (this.#find(part) !== undefined) return false;
    this.batches.push({ ...part, state: 'sending' });
    return true;
  }

  async claimAgain(batch: SendBatch, recipients: readonly string[], claim: BatchClaim): Promise<boolean> {
    const now = this.#find(batch);
    const isAsRead = now?.state === batch.state && now.claim?.token === batch.claim?.token;
    if (now === undefined || !isAsRead || now.state === 'sent') return false;
    this.#replace({ ...now, recipients, claim, state: 'sending' });
    return true;
  }

  async settle(
    claimed: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: BatchResult,
  ): Promise<void> {
    const now = this.#find(claimed);
    if (now === undefined) throw new Error('settled what was never claimed');
    if (result.kind === 'sent') {
      const { sesMessageId, sentAt } = result;
      this.#replace({
        ...now,
        state: 'sent',
        sesMessageId: now.sesMessageId ?? sesMessageId,
        sentAt: now.sentAt ?? sentAt,
      });
      return;
    }
    if (now.state !== 'sending' || now.claim?.token !== claimed.token) return;
    const claim = result.kind === 'unknown' ? { ...now.claim, endsAt: result.endedAt } : now.claim;
    this.#replace({ ...now, state: result.kind, claim });
  }

  /** Marks a send batch as sent, like an event. */
  markSent(deliveryId: string, part: number, sesMessageId: string, sentAt: Date): void {
    const now = this.#find({ deliveryId, part });
    if (now === undefined) throw new Error('no such part');
    this.#replace({ ...now, state: 'sent', sesMessageId, sentAt });
  }

  #find({ deliveryId, part }: { readonly deliveryId: string; readonly part: number }): SendBatch | undefined {
    return this.batches.find((known) => known.deliveryId === deliveryId && known.part === part);
  }

  #replace(batch: SendBatch): void {
    const index = this.batches.findIndex(
      (known) => known.deliveryId === batch.deliveryId && known.part === batch.part,
    );
    this.batches[index] = batch;
  }
}

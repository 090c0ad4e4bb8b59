import type { Ledger, LedgerPart, NewPart, PartClaim, PartResult } from '../../lib/ports/ledger.ts';

/** A ledger in memory, for tests of what is decided by it. */
export class MemoryLedger implements Ledger {
  readonly parts: LedgerPart[] = [];

  async partsOf(deliveryId: string): Promise<LedgerPart[]> {
    return this.parts
      .filter((part) => part.deliveryId === deliveryId)
      .sort((one, other) => one.part - other.part);
  }

  async open(part: NewPart): Promise<boolean> {
    if (this.#find(part) !== undefined) return false;
    this.parts.push({ ...part, state: 'sending' });
    return true;
  }

  async claimAgain(part: LedgerPart, recipients: readonly string[], claim: PartClaim): Promise<boolean> {
    const now = this.#find(part);
    const isAsRead = now?.state === part.state && now.claim?.token === part.claim?.token;
    if (now === undefined || !isAsRead || now.state === 'sent') return false;
    this.#replace({ ...now, recipients, claim, state: 'sending' });
    return true;
  }

  async settle(
    claimed: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: PartResult,
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

  /** As an event does. */
  markSent(deliveryId: string, part: number, sesMessageId: string, sentAt: Date): void {
    const now = this.#find({ deliveryId, part });
    if (now === undefined) throw new Error('no such part');
    this.#replace({ ...now, state: 'sent', sesMessageId, sentAt });
  }

  #find({
    deliveryId,
    part,
  }: {
    readonly deliveryId: string;
    readonly part: number;
  }): LedgerPart | undefined {
    return this.parts.find((known) => known.deliveryId === deliveryId && known.part === part);
  }

  #replace(part: LedgerPart): void {
    const index = this.parts.findIndex(
      (known) => known.deliveryId === part.deliveryId && known.part === part.part,
    );
    this.parts[index] = part;
  }
}

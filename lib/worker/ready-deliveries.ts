import type { Claim, LeaseRoute } from '../ports/outbox.ts';

/** A claim and the route recorded in its lease. */
export interface ClaimedFor {
  readonly claim: Claim;
  readonly route: LeaseRoute;
}

/**
 * Large mails in flight, together: composing and sending one takes several times its size. One is always allowed.
 */
const MAX_LARGE_BYTES = 24 * 1024 * 1024;

/** Large mails waiting to be begun; more would only wait here, where no other worker can send them. */
const MAX_LARGE_READY = 3;

/** Claimed and not begun: the most urgent first, and in the order of the claims. */
export class ReadyDeliveries {
  #waiting: ClaimedFor[] = [];
  #fetchedBytes = 0;
  #largeBytesBegun = 0;

  get length(): number {
    return this.#waiting.length;
  }

  /** Bytes of the mails that came with their claims and are not finished. */
  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  get wantsLarge(): boolean {
    return this.#waiting.filter(({ claim }) => isLarge(claim)).length < MAX_LARGE_READY;
  }

  /** The priority of the last of those that are begun next; undefined if fewer wait. */
  priorityAt(position: number): number | undefined {
    const waiting = this.#waiting[Math.min(position, this.#waiting.length) - 1];
    return waiting && priorityOf(waiting);
  }

  add(claimed: readonly ClaimedFor[]): void {
    for (const { claim } of claimed) this.#fetchedBytes += isLarge(claim) ? 0 : bytesOf(claim);
    this.#waiting = [...this.#waiting, ...claimed].sort((a, b) => priorityOf(b) - priorityOf(a));
  }

  /** Takes the next that may begin; large mails wait for one another, and the others pass them. */
  take(mayBegin: (claimed: ClaimedFor) => boolean): ClaimedFor | undefined {
    const index = this.#waiting.findIndex(
      (claimed) => mayBegin(claimed) && (!isLarge(claimed.claim) || this.#hasRoomFor(claimed.claim)),
    );
    const [taken] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (taken !== undefined && isLarge(taken.claim)) this.#largeBytesBegun += bytesOf(taken.claim);
    return taken;
  }

  /** A delivery that was taken is finished: its mail is not needed any more. */
  finished(claim: Claim): void {
    if (isLarge(claim)) this.#largeBytesBegun -= bytesOf(claim);
    else this.#fetchedBytes -= bytesOf(claim);
  }

  /** Removes those that another worker has by now. */
  remove(ids: readonly string[]): void {
    const lost = new Set(ids);
    this.#removeWhere(({ claim }) => lost.has(claim.id));
  }

  removeAll(): ClaimedFor[] {
    return this.#removeWhere(() => true);
  }

  #removeWhere(isRemoved: (claimed: ClaimedFor) => boolean): ClaimedFor[] {
    const removed = this.#waiting.filter(isRemoved);
    this.#waiting = this.#waiting.filter((claimed) => !isRemoved(claimed));
    for (const { claim } of removed) this.#fetchedBytes -= isLarge(claim) ? 0 : bytesOf(claim);
    return removed;
  }

  #hasRoomFor(claim: Claim): boolean {
    return this.#largeBytesBegun === 0 || this.#largeBytesBegun + bytesOf(claim) <= MAX_LARGE_BYTES;
  }
}

function isLarge({ mail }: Claim): boolean {
  return mail.kind === 'large';
}

function bytesOf({ bytes = 0 }: Claim): number {
  return bytes;
}

function priorityOf({ claim: { priority = 0 } }: ClaimedFor): number {
  return priority;
}

import { chunkRecipients } from '../../lib/domain/address.ts';
import type { PendingBatch } from './send-plan.ts';

/** The calls that are still to be made for a mail, in their order. */
export class PendingBatches {
  /** Pieces of what was refused before anyone was sent to. */
  #pieces: PendingBatch[] = [];
  #calls: PendingBatch[];

  constructor(calls: readonly PendingBatch[]) {
    this.#calls = [...calls];
  }

  get isEmpty(): boolean {
    return this.#pieces.length + this.#calls.length === 0;
  }

  get recipients(): string[] {
    return [...this.#pieces, ...this.#calls].flatMap(({ recipients }) => recipients);
  }

  next(): PendingBatch | undefined {
    return this.#pieces.shift() ?? this.#calls.shift();
  }

  /** @param atTheEnd whether the halves wait until all others had their turn */
  bisect(recipients: readonly string[], atTheEnd: boolean): void {
    const halves = chunkRecipients(recipients, Math.ceil(recipients.length / 2));
    (atTheEnd ? this.#calls : this.#pieces).push(...halves.map((half) => ({ recipients: half })));
  }

  /** Puts so many recipients, from all over the line, to its front, each alone. */
  sample(count: number): void {
    const all = this.recipients;
    const step = Math.max(Math.floor(all.length / count), 1);
    const probes = new Set(all.filter((_, index) => index % step === 0).slice(0, count));
    this.#pieces = [
      ...[...probes].map((recipient) => ({ recipients: [recipient] })),
      ...without(this.#pieces, probes),
    ];
    this.#calls = without(this.#calls, probes);
  }
}

/** What was claimed before as a whole is a call of its own kind no more, once somebody is taken out of it. */
function without(calls: readonly PendingBatch[], taken: ReadonlySet<string>): PendingBatch[] {
  return calls.flatMap((call) => {
    const recipients = call.recipients.filter((recipient) => !taken.has(recipient));
    if (recipients.length === call.recipients.length) return [call];
    return recipients.length === 0 ? [] : [{ recipients }];
  });
}

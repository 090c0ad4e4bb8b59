import type { DeadLetter } from '../dead-letters.ts';

/** What is kept of a dead letter after its release, without its body. */
export type DeadLetterSummary = Pick<
  DeadLetter,
  'queueMessageId' | 'deliveryId' | 'cause' | 'detail' | 'sentAt'
>;

export function summaryOf({
  queueMessageId,
  deliveryId,
  cause,
  detail,
  sentAt,
}: DeadLetter): DeadLetterSummary {
  return { queueMessageId, deliveryId, cause, detail, sentAt };
}

/** Dead letters of one cause. */
export interface CauseGroup {
  readonly cause: string;
  readonly deadLetters: number;
  readonly oldest: Date;
  readonly newest: Date;
  /** The detail of one of them. */
  readonly example: string;
}

/** Counts dead letters by cause, without keeping them. */
export class CauseGroups {
  readonly #groups = new Map<string, CauseGroup>();

  add({ cause, detail, sentAt }: Omit<DeadLetterSummary, 'queueMessageId' | 'deliveryId'>): void {
    const known = this.#groups.get(cause);
    this.#groups.set(cause, {
      cause,
      deadLetters: (known?.deadLetters ?? 0) + 1,
      oldest: known === undefined || sentAt < known.oldest ? sentAt : known.oldest,
      newest: known === undefined || sentAt > known.newest ? sentAt : known.newest,
      example: known?.example ?? detail,
    });
  }

  /** Most frequent first. */
  get groups(): readonly CauseGroup[] {
    return [...this.#groups.values()].sort((one, other) => other.deadLetters - one.deadLetters);
  }
}

export function groupsOf(deadLetters: readonly DeadLetterSummary[]): readonly CauseGroup[] {
  const groups = new CauseGroups();
  for (const deadLetter of deadLetters) groups.add(deadLetter);
  return groups.groups;
}

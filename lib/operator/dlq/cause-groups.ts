import type { Letter } from './letter.ts';

/** What is known of a letter once it was given back; bodies are not kept. */
export type LetterSummary = Pick<Letter, 'queueMessageId' | 'deliveryId' | 'cause' | 'detail' | 'sentAt'>;

export function summaryOf({ queueMessageId, deliveryId, cause, detail, sentAt }: Letter): LetterSummary {
  return { queueMessageId, deliveryId, cause, detail, sentAt };
}

/** Letters of one cause. */
export interface CauseGroup {
  readonly cause: string;
  readonly letters: number;
  readonly oldest: Date;
  readonly newest: Date;
  /** The detail of one of them. */
  readonly example: string;
}

/** Counts letters by their cause; keeps of them no more than that. */
export class CauseGroups {
  readonly #groups = new Map<string, CauseGroup>();

  add({ cause, detail, sentAt }: Omit<LetterSummary, 'queueMessageId' | 'deliveryId'>): void {
    const known = this.#groups.get(cause);
    this.#groups.set(cause, {
      cause,
      letters: (known?.letters ?? 0) + 1,
      oldest: known === undefined || sentAt < known.oldest ? sentAt : known.oldest,
      newest: known === undefined || sentAt > known.newest ? sentAt : known.newest,
      example: known?.example ?? detail,
    });
  }

  /** The most frequent first. */
  get groups(): readonly CauseGroup[] {
    return [...this.#groups.values()].sort((one, other) => other.letters - one.letters);
  }
}

export function groupsOf(letters: readonly LetterSummary[]): readonly CauseGroup[] {
  const groups = new CauseGroups();
  for (const letter of letters) groups.add(letter);
  return groups.groups;
}

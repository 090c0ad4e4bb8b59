/** Finds the name that was probably meant by a mistyped one. */

/** A name in lower case, without `_` and `-`: how it is spelt does not tell two names apart. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** The name that differs by a slip of one or two letters; undefined if none is that near. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const plain = plainName(name);
  const byDistance = names
    .map((other) => ({ other, distance: editDistance(plain, plainName(other)) }))
    .filter(({ other, distance }) => distance <= Math.min(2, other.length / 3))
    .sort((one, another) => one.distance - another.distance);
  return byDistance[0]?.other;
}

/**
 * The name of several words that shares the most of them, or their beginnings: `PASS` of `PASSWORD`. Of several, the
 * one that begins alike, then the shortest.
 */
export function nearestByWords(name: string, names: readonly string[]): string | undefined {
  const words = wordsOf(name);
  const byShare = names
    .map((other) => ({ other, shared: countShared(words, wordsOf(other)) }))
    .filter(({ shared }) => shared > 0)
    .map((one) => ({ ...one, beginsAlike: countShared(words.slice(0, 1), wordsOf(one.other).slice(0, 1)) }))
    .sort(
      (one, another) =>
        another.shared - one.shared ||
        another.beginsAlike - one.beginsAlike ||
        one.other.length - another.other.length,
    );
  return byShare[0]?.other;
}

const MIN_BEGINNING = 3;

function countShared(words: readonly string[], others: readonly string[]): number {
  return words.filter((word) => others.some((other) => begins(word, other) || begins(other, word))).length;
}

function begins(beginning: string, word: string): boolean {
  return beginning === word || (beginning.length >= MIN_BEGINNING && word.startsWith(beginning));
}

function wordsOf(name: string): readonly string[] {
  return name
    .toLowerCase()
    .split(/[_-]/)
    .filter((word) => word !== '');
}

/** The insertions, deletions and replacements between two words (Levenshtein). */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...from].entries()) {
    const line = [row + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      line.push(Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

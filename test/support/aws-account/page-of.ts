/** A part of a list, and where the next one begins. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** @returns undefined where the token is none that was given out */
export function pageOf<Item>(
  all: readonly Item[],
  token: string | undefined,
  size: number,
): Page<Item> | undefined {
  const start = token === undefined ? 0 : positionOf(token);
  if (start === undefined || start > all.length) return undefined;
  const end = start + size;
  const items = all.slice(start, end);
  return end < all.length ? { items, next: Buffer.from(`from ${end}`).toString('base64url') } : { items };
}

function positionOf(token: string): number | undefined {
  const position = /^from (\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  return position === undefined ? undefined : Number(position);
}

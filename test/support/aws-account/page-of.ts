/** A part of a list, and the token of the next one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** @returns undefined if the token is invalid */
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

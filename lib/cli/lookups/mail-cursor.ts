import * as v from 'valibot';
import type { RowPlace } from '../../adapters/postgres/row-search.ts';

const placeSchema = v.tuple([
  v.pipe(v.string(), v.regex(/^\d{4,6}-\d\d-\d\dT[\d:.]{15}Z$/)),
  v.pipe(v.string(), v.minLength(1)),
]);

/** Where the next page of a search begins, as one word that says nothing to its user. */
export function formatMailCursor({ createdAt, id }: RowPlace): string {
  return Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');
}

/** Undefined if {@link formatMailCursor} did not write it. */
export function parseMailCursor(cursor: string): RowPlace | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), placeSchema), decode(cursor));
  if (!parsed.success || Number.isNaN(Date.parse(parsed.output[0]))) return undefined;
  const [createdAt, id] = parsed.output;
  return { createdAt, id };
}

function decode(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString();
}

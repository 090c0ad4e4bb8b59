/** A place that the console reads. One that cannot be opened is said on the page, with what fixes it. */
export type Source<Reader> =
  | { readonly kind: 'open'; readonly reader: Reader }
  | ({ readonly kind: 'missing' } & Missing);

/** What was read once. One failure hides nothing else. */
export type Reading<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | ({ readonly kind: 'missing' } & Missing);

export interface Missing {
  /** In plain words: `DATABASE_URL is not set`. */
  readonly why: string;
  readonly fix: string;
}

/** Undefined if it was not read. */
export function readValue<Value>(reading: Reading<Value>): Value | undefined {
  return reading.kind === 'read' ? reading.value : undefined;
}

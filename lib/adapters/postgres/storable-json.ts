/**
 * JSON that `jsonb` accepts. PostgreSQL rejects NUL characters and unpaired surrogates, and an SMTP server
 * may respond with anything: both become U+FFFD.
 */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Most values have neither, and are not copied.
  return MAY_BE_REFUSED.test(json) ? JSON.stringify(storableValue(value)) : json;
}

/** As JSON escapes them. A backslash before a `u` in the text itself looks the same, and costs a copy only. */
const MAY_BE_REFUSED = /\\u(?:0000|d[89a-f])/;

/** The value as `jsonb` returns it. */
export function storable<T>(value: T): T {
  return JSON.parse(storableJson(value));
}

function storableValue(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storableValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [storableText(key), storableValue(entry)]),
  );
}

function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

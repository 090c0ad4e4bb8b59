import type { SecretFields } from './secret-fields.ts';

/** How a field stands somewhere else, against what it should be. */
export type Standing = 'same' | 'different' | 'missing';

export interface FieldStanding {
  readonly field: string;
  readonly standing: Standing;
}

/** One place that the secret was brought to. No value is in it. */
export interface CopyComparison {
  readonly copy: string;
  readonly equal: boolean;
  readonly fields: readonly FieldStanding[];
  /** What is there beside; it may be somebody else's, and is no difference. */
  readonly others: readonly string[];
}

/** @param found what is there, with values of any kind */
export function compareFields(
  source: SecretFields,
  copy: string,
  found: Readonly<Record<string, unknown>>,
): CopyComparison {
  const fields = Object.keys(source)
    .sort()
    .map((field) => ({ field, standing: standingOf(source[field], found, field) }));
  return {
    copy,
    equal: fields.every(({ standing }) => standing === 'same'),
    fields,
    others: Object.keys(found)
      .filter((field) => !Object.hasOwn(source, field))
      .sort(),
  };
}

function standingOf(
  wanted: string | undefined,
  found: Readonly<Record<string, unknown>>,
  field: string,
): Standing {
  if (!Object.hasOwn(found, field)) return 'missing';
  const value = found[field];
  // A port that someone wrote as a number reaches the API as the same text.
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return text === wanted ? 'same' : 'different';
}

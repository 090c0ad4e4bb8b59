import * as v from 'valibot';

/** Each rule has the whole range in its message, so that whichever is broken tells all that is allowed. */
export function wholeNumber(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(least, allowed), v.maxValue(most, allowed));
}

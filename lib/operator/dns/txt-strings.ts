/** A TXT record is made of strings, each of at most as many octets (RFC 1035, section 3.3.14). */
const STRING_OCTETS = 255;

/**
 * The strings that a TXT value is cut into, escaped as they stand between quotes in a zone file and in Route 53.
 *
 * @param value of printable ASCII, as all that is needed is: a character is an octet
 */
export function txtStrings(value: string): string[] {
  const count = Math.max(1, Math.ceil(value.length / STRING_OCTETS));
  return Array.from({ length: count }, (_, index) =>
    value.slice(index * STRING_OCTETS, (index + 1) * STRING_OCTETS).replace(/["\\]/g, '\\$&'),
  );
}

/** Each in quotes. */
export const quoteTxt = (value: string): string =>
  txtStrings(value)
    .map((string) => `"${string}"`)
    .join(' ');

/** Names compare without case and without the dot of the root (RFC 1035, section 2.3.3). */
export const canonicalName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The name and all it lies in, but for the root: a.example.org, example.org, org. */
export function nameAndParents(name: string): string[] {
  const labels = canonicalName(name).split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

export const isWithin = (name: string, domain: string): boolean =>
  name === domain || name.endsWith(`.${domain}`);

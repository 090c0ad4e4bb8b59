export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list';

/** Capabilities by path, as in a policy: `*` at the end matches any rest, `+` one segment. */
export type VaultPolicy = Readonly<Record<string, readonly Capability[]>>;

/** @see https://developer.hashicorp.com/vault/docs/concepts/policies */
export function isGranted(policy: VaultPolicy, path: string, capability: Capability): boolean {
  return Object.entries(policy).some(
    ([pattern, capabilities]) => matches(pattern, path) && capabilities.includes(capability),
  );
}

/** A token sees a mount if anything in it, or above it, is granted to the token. */
export function seesMount(policy: VaultPolicy, mount: string): boolean {
  return Object.entries(policy).some(
    ([pattern, capabilities]) =>
      capabilities.length > 0 && (pattern.startsWith(`${mount}/`) || matches(pattern, `${mount}/`)),
  );
}

function matches(pattern: string, path: string): boolean {
  const isPrefix = pattern.endsWith('*');
  const wanted = (isPrefix ? pattern.slice(0, -1) : pattern).split('/');
  const given = path.split('/');
  if (isPrefix ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => {
    const isLast = index === wanted.length - 1;
    if (isPrefix && isLast) return given.slice(index).join('/').startsWith(segment);
    return segment === '+' || segment === given[index];
  });
}

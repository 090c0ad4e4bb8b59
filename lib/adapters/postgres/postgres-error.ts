/** The five characters by which PostgreSQL names an error; undefined where the error is not PostgreSQL's. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('severity' in error)) return undefined;
  const code = errorCode(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && error.code !== '' ? error.code : undefined;
}

/**
 * What an error says, without PostgreSQL's `detail`, which quotes whole rows. A host name with several addresses
 * fails with an error for each of them, and says nothing itself.
 */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.map(messageOf).join('; ');
  }
  return 'message' in error ? String(error.message) : 'unknown error';
}

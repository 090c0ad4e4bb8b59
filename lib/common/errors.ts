/** An error's message may quote the input that caused it; its name and code do not. */
export function errorName(error: unknown): { error: string; code: string | undefined } {
  if (typeof error !== 'object' || error === null) return { error: typeof error, code: undefined };
  return {
    error: 'name' in error ? String(error.name) : 'object',
    code: 'code' in error ? String(error.code) : undefined,
  };
}

/** The stable code of an adapter's error. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown';
}

/**
 * The error message without PostgreSQL's `detail`, which quotes whole rows. A host name with several
 * addresses fails with an error per address and no message of its own.
 */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.map(messageOf).join('; ');
  }
  return 'message' in error ? String(error.message) : 'unknown error';
}

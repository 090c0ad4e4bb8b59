/** The message of an error may quote what it choked on; its name and code do not. */
export function errorName(error: unknown): { error: string; code: string | undefined } {
  if (!(error instanceof Error)) return { error: typeof error, code: undefined };
  return { error: error.name, code: 'code' in error ? String(error.code) : undefined };
}

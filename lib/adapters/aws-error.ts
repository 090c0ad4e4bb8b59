/** The code by which AWS names an error, or the system's where the call did not get that far. */
export function awsErrorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.name;
}

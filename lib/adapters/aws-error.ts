/** The code by which AWS names an error, or the system's where the call did not get that far. */
export function awsErrorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UnknownError';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (!('name' in error) || typeof error.name !== 'string') return 'UnknownError';
  // Nothing but the time limit of a call aborts it.
  return error.name === 'AbortError' ? 'TimeoutError' : error.name;
}

/** The HTTP status of AWS's answer; undefined where none came. */
export function awsErrorStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

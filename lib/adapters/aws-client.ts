/** How the API side reaches an AWS service. What is left out the SDK finds by its own chain. */
export interface AwsConnection {
  /** One try that has no answer after this counts as failed; the SDK then tries again. */
  readonly tryTimeoutMs: number;
  readonly region: string;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  /** Another address of the service than AWS's own: an emulator, a VPC endpoint. */
  readonly endpoint?: string | undefined;
}

/** A connection that takes longer than this counts as none; the SDK then tries again. */
const CONNECT_TIMEOUT_MS = 3_000;

export interface AwsClientOptions {
  region: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  endpoint?: string;
  requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: true };
}

/** The options that every AWS client of the API side is made with. */
export function awsClientOptions(connection: AwsConnection): AwsClientOptions {
  const { tryTimeoutMs, region, accessKeyId, secretAccessKey, endpoint } = connection;
  return {
    region,
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
    ...(endpoint === undefined ? {} : { endpoint }),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: tryTimeoutMs,
      throwOnRequestTimeout: true,
    },
  };
}

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

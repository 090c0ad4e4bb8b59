/** How the API side connects to an AWS service. The SDK finds omitted settings by its provider chain. */
export interface AwsConnection {
  /** An attempt without a response within this time fails; the SDK then retries. */
  readonly tryTimeoutMs: number;
  readonly region: string;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  /** Replaces the AWS endpoint: an emulator, a VPC endpoint. */
  readonly endpoint?: string | undefined;
}

/** A connection attempt that takes longer fails; the SDK then retries. */
const CONNECT_TIMEOUT_MS = 3_000;

export interface AwsClientOptions {
  region: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  endpoint?: string;
  requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: true };
}

/** The options of every AWS client on the API side. */
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

const NO_NODE_WARNING = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';

/**
 * Opens a client without the SDK's warning of the version of Node, which it writes when the first client is made: the
 * log is the API's, and package.json says which versions work. The variable is the API's as well, so it is put back.
 */
export function withoutNodeWarning<T>(open: () => T): T {
  const { env } = process;
  const { [NO_NODE_WARNING]: before } = env;
  env[NO_NODE_WARNING] = 'true';
  try {
    return open();
  } finally {
    if (before === undefined) delete env[NO_NODE_WARNING];
    else env[NO_NODE_WARNING] = before;
  }
}

/** The AWS error code, or the system error code if the call did not reach AWS. */
export function awsErrorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UnknownError';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (!('name' in error) || typeof error.name !== 'string') return 'UnknownError';
  // Only the timeout of a call aborts it.
  return error.name === 'AbortError' ? 'TimeoutError' : error.name;
}

/** The HTTP status of the AWS response; undefined if there was none. */
export function awsErrorStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

/** The errors that no waiting fixes: a name, a key, a permission or a Region is wrong. */
const MISCONFIGURED: ReadonlySet<string> = new Set([
  // Queue, bucket and Region.
  ...['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue', 'NonExistentQueue', 'InvalidAddress'],
  ...['NoSuchBucket', 'InvalidBucketName', 'PermanentRedirect', 'AuthorizationHeaderMalformed'],
  // Key.
  ...[
    'CredentialsProviderError',
    'InvalidClientTokenId',
    'InvalidAccessKeyId',
    'UnrecognizedClientException',
  ],
  ...[
    'SignatureDoesNotMatch',
    'InvalidSignatureException',
    'IncompleteSignature',
    'MissingAuthenticationToken',
  ],
  // Permission.
  ...['AccessDenied', 'AccessDeniedException', 'AllAccessDisabled', 'AccountProblem', 'OptInRequired'],
]);

/** Whether a person must change a setting before the same call can succeed. */
export function isAwsMisconfiguration(error: unknown): boolean {
  return MISCONFIGURED.has(awsErrorCode(error));
}

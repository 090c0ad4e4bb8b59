import type { IncomingHttpHeaders } from 'node:http';

/** A request as an AWS service would read it. */
export type AwsRequest = {
  /** As in the credential scope of the signature: `sqs`, `s3`, `dynamodb`, `sns`. */
  readonly service: string;
  /** `SendMessageBatch`, `PutObject`, `PutItem`; empty when it cannot be told. */
  readonly action: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** Reads service and action from what every SDK call carries: its signature, and target, form or verb and path. */
export function readAwsRequest(raw: Omit<AwsRequest, 'service' | 'action'>): AwsRequest {
  const service = serviceOf(raw.headers);
  return { ...raw, service, action: actionOf(service, raw) };
}

function serviceOf(headers: IncomingHttpHeaders): string {
  const scope = /Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\/aws4_request/.exec(headers.authorization ?? '');
  return scope?.[1] ?? '';
}

function actionOf(service: string, raw: Omit<AwsRequest, 'service' | 'action'>): string {
  const target = raw.headers['x-amz-target'];
  if (typeof target === 'string') return target.slice(target.lastIndexOf('.') + 1);
  if (service === 's3') return s3Action(raw.method, raw.path);
  if (raw.headers['content-type']?.includes('x-www-form-urlencoded')) {
    return new URLSearchParams(raw.body.toString()).get('Action') ?? '';
  }
  return '';
}

const S3_OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  PUT: 'PutObject',
  GET: 'GetObject',
  HEAD: 'HeadObject',
  DELETE: 'DeleteObject',
};

const S3_BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  PUT: 'CreateBucket',
  GET: 'ListObjectsV2',
  HEAD: 'HeadBucket',
  DELETE: 'DeleteBucket',
  POST: 'DeleteObjects',
};

/** Path style only: /bucket/key. */
function s3Action(method: string, path: string): string {
  const [pathname = ''] = path.split('?');
  const isObject = /^\/[^/]+\/./.test(pathname);
  return (isObject ? S3_OBJECT_ACTIONS : S3_BUCKET_ACTIONS)[method] ?? '';
}

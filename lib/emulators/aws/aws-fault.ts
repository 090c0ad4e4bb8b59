import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What goes wrong with a call. */
export type AwsFault =
  /** The service fails: `InternalError` / `ServiceUnavailable`. The SDK retries it. Nothing was done. */
  | { readonly kind: 'error'; readonly status: 500 | 503 }
  /** `RequestThrottled` of SQS, `SlowDown` of S3, `ThrottlingException` of the others. Nothing was done. */
  | { readonly kind: 'throttle' }
  /** `AccessDenied`: a policy that lacks the call. The SDK does not retry it. */
  | { readonly kind: 'denied' }
  /** The connection is reset: before anything was done, or when all was done and only the answer is lost. */
  | { readonly kind: 'reset'; readonly done: boolean }
  /** No answer comes, ever; the connection stays. The call was done, or not. */
  | { readonly kind: 'silence'; readonly done: boolean }
  /** The call is done after the delay. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /**
   * Of a batch (SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch) the entries at these indices
   * stand under `Failed` and were not done; the others were.
   */
  | {
      readonly kind: 'part-failed';
      readonly indices: readonly number[];
      /** @default 'InternalError' */
      readonly code?: string;
      /** @default false */
      readonly senderFault?: boolean;
    };

/** Which calls a fault strikes; what is left out matches all. */
export type AwsCalls = { readonly service?: string; readonly action?: string };

export type AwsFaultRule = {
  readonly fault: AwsFault;
  readonly on?: AwsCalls;
  /** How many calls it strikes. @default all, until `heal` */
  readonly times?: number;
};

/** The faults that are to come. The first rule that matches a call strikes it. */
export class FaultPlan {
  #rules: { readonly rule: AwsFaultRule; left: number }[] = [];

  add(rule: AwsFaultRule): void {
    const left = rule.times ?? Number.POSITIVE_INFINITY;
    if (left > 0) this.#rules.push({ rule, left });
  }

  heal(): void {
    this.#rules = [];
  }

  /** The fault for this call, counted as having struck. */
  strike(request: AwsRequest): AwsFault | undefined {
    const standing = this.#rules.find(({ rule }) => concerns(rule.on ?? {}, request));
    if (!standing) return undefined;
    standing.left -= 1;
    this.#rules = this.#rules.filter(({ left }) => left > 0);
    return standing.rule.fault;
  }
}

export function concerns(calls: AwsCalls, request: Pick<AwsRequest, 'service' | 'action'>): boolean {
  return (
    (calls.service === undefined || calls.service === request.service) &&
    (calls.action === undefined || calls.action === request.action)
  );
}

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

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** An error as the service of the request words it: XML of S3, JSON of the others. */
function awsErrorAnswer(request: AwsRequest, status: number, code: string, message: string): HttpAnswer {
  const requestId = randomUUID();
  if (request.service === 's3') {
    return {
      status,
      headers: { 'content-type': 'application/xml', 'x-amz-request-id': requestId },
      body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${requestId}</RequestId></Error>`,
    };
  }
  return {
    status,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-requestid': requestId,
      'x-amzn-errortype': code,
      ...(request.service === 'sqs' ? { 'x-amzn-query-error': `${code};${fault(status)}` } : {}),
    },
    body: JSON.stringify({ __type: `com.amazonaws.${request.service}#${code}`, message }),
  };
}

export function failedAnswer(request: AwsRequest, status: 500 | 503): HttpAnswer {
  const code = status === 503 ? 'ServiceUnavailable' : 'InternalError';
  return awsErrorAnswer(request, status, code, 'We encountered an internal error. Please try again.');
}

export function throttledAnswer(request: AwsRequest): HttpAnswer {
  switch (request.service) {
    case 's3':
      return awsErrorAnswer(request, 503, 'SlowDown', 'Please reduce your request rate.');
    case 'sqs':
      return awsErrorAnswer(
        request,
        400,
        'RequestThrottled',
        'The request was denied due to request throttling.',
      );
    default:
      return awsErrorAnswer(request, 400, 'ThrottlingException', 'Rate exceeded');
  }
}

export function deniedAnswer(request: AwsRequest): HttpAnswer {
  const code =
    request.service === 's3' || request.service === 'sqs' ? 'AccessDenied' : 'AccessDeniedException';
  const status = request.service === 's3' || request.service === 'sqs' ? 403 : 400;
  return awsErrorAnswer(
    request,
    status,
    code,
    `User is not authorized to perform: ${request.service}:${request.action}`,
  );
}

function fault(status: number): string {
  return status >= 500 ? 'Receiver' : 'Sender';
}

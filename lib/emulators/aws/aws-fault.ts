import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What goes wrong with a call. */
export type AwsFault =
  /** The service fails: `InternalError` / `ServiceUnavailable`. Not executed; the SDK retries. */
  | { readonly kind: 'error'; readonly status: 500 | 503 }
  /** SQS `RequestThrottled`, S3 `SlowDown`, others `ThrottlingException`. Not executed. */
  | { readonly kind: 'throttle' }
  /** `AccessDenied`: the policy does not allow the call. The SDK does not retry. */
  | { readonly kind: 'denied' }
  /** The connection is reset: before execution, or after it, so that only the response is lost. */
  | { readonly kind: 'reset'; readonly done: boolean }
  /** No response; the connection stays open. The call was executed or not. */
  | { readonly kind: 'silence'; readonly done: boolean }
  /** The call is executed after the delay. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /**
   * In a batch (SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch), the entries at these
   * indices are not executed and returned as `Failed`; the others are executed.
   */
  | {
      readonly kind: 'part-failed';
      readonly indices: readonly number[];
      /** @default 'InternalError' */
      readonly code?: string;
      /** @default false */
      readonly senderFault?: boolean;
    };

/** The calls that a fault applies to; an omitted field matches all. */
export type AwsCalls = { readonly service?: string; readonly action?: string };

export type AwsFaultRule = {
  readonly fault: AwsFault;
  readonly on?: AwsCalls;
  /** Which of those calls. @default all */
  readonly when?: (request: AwsRequest) => boolean;
  /** Number of calls that it applies to. @default all, until it is removed or `heal` */
  readonly times?: number;
};

export type AwsFaultHandle = {
  /** Ends this fault alone. */
  remove(): void;
};

/** The pending faults. The first rule that matches a call applies to it. */
export class FaultPlan {
  #rules: { readonly rule: AwsFaultRule; left: number }[] = [];

  add(rule: AwsFaultRule): AwsFaultHandle {
    const added = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
    if (added.left > 0) this.#rules.push(added);
    return {
      remove: () => {
        this.#rules = this.#rules.filter((one) => one !== added);
      },
    };
  }

  heal(): void {
    this.#rules = [];
  }

  /** Returns the fault for this call, and counts it. */
  next(request: AwsRequest): AwsFault | undefined {
    const match = this.#rules.find(
      ({ rule }) => concerns(rule.on ?? {}, request) && (rule.when?.(request) ?? true),
    );
    if (!match) return undefined;
    match.left -= 1;
    this.#rules = this.#rules.filter(({ left }) => left > 0);
    return match.rule.fault;
  }
}

export function concerns(calls: AwsCalls, request: Pick<AwsRequest, 'service' | 'action'>): boolean {
  return (
    (calls.service === undefined || calls.service === request.service) &&
    (calls.action === undefined || calls.action === request.action)
  );
}

export type AwsRequest = {
  /** From the credential scope of the signature: `sqs`, `s3`, `dynamodb`, `sns`. */
  readonly service: string;
  /** `SendMessageBatch`, `PutObject`, `PutItem`; empty if unknown. */
  readonly action: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** Reads service and action from every SDK call's signature, and its target, form, or verb and path. */
export function readAwsRequest(raw: Omit<AwsRequest, 'service' | 'action'>): AwsRequest {
  const service = readService(raw.headers);
  return { ...raw, service, action: readAction(service, raw) };
}

function readService(headers: IncomingHttpHeaders): string {
  const scope = /Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\/aws4_request/.exec(headers.authorization ?? '');
  return scope?.[1] ?? '';
}

function readAction(service: string, raw: Omit<AwsRequest, 'service' | 'action'>): string {
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

/** An error in the format of the request's service: XML for S3, JSON for others. */
function awsErrorResponse(request: AwsRequest, status: number, code: string, message: string): HttpAnswer {
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
  return awsErrorResponse(request, status, code, 'We encountered an internal error. Please try again.');
}

export function throttledAnswer(request: AwsRequest): HttpAnswer {
  switch (request.service) {
    case 's3':
      return awsErrorResponse(request, 503, 'SlowDown', 'Please reduce your request rate.');
    case 'sqs':
      return awsErrorResponse(
        request,
        400,
        'RequestThrottled',
        'The request was denied due to request throttling.',
      );
    default:
      return awsErrorResponse(request, 400, 'ThrottlingException', 'Rate exceeded');
  }
}

export function deniedAnswer(request: AwsRequest): HttpAnswer {
  const code =
    request.service === 's3' || request.service === 'sqs' ? 'AccessDenied' : 'AccessDeniedException';
  const status = request.service === 's3' || request.service === 'sqs' ? 403 : 400;
  return awsErrorResponse(
    request,
    status,
    code,
    `User is not authorized to perform: ${request.service}:${request.action}`,
  );
}

function fault(status: number): string {
  return status >= 500 ? 'Receiver' : 'Sender';
}

import { randomUUID } from 'node:crypto';
import type { AwsRequest } from './aws-request.ts';

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

import { randomUUID } from 'node:crypto';
import type { Answer, PreparedCall, SesService, WireError, WireRequest } from './http-exchange.ts';
import type { Refusal, RefusalReason } from './submission.ts';

/** An operation: reads its input from the request. To add one, add a row to a table. */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly prepare: (request: WireRequest, service: SesService) => PreparedCall;
}

/** A call that sends no mail. */
export function plainCall(operation: string, perform: () => Answer): PreparedCall {
  return { api: 'v2', operation, perform };
}

export function refusedCall(operation: string, refusal: Refusal): PreparedCall {
  return plainCall(operation, () => restRefusal(refusal));
}

/** @returns undefined if the body is not JSON */
export function jsonBody({ body }: WireRequest): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The last part of the path, such as a name; returned as it is if it cannot be decoded. */
export function nameInPath({ path }: WireRequest): string {
  const encoded = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/**
 * Errors that v2 declares. It has one error for all bad input, and one for paused sending of the account or a
 * configuration set; ConfigurationSetSendingPausedException exists only in v1. Codes of errors that no
 * operation declares (credentials, unknown paths) are those of other AWS REST services.
 */
const ERRORS: Readonly<Record<RefusalReason, { readonly code: string; readonly status: number }>> = {
  'invalid-parameter': { code: 'BadRequestException', status: 400 },
  'missing-parameter': { code: 'BadRequestException', status: 400 },
  'malformed-request': { code: 'SerializationException', status: 400 },
  'message-rejected': { code: 'MessageRejected', status: 400 },
  throttled: { code: 'TooManyRequestsException', status: 429 },
  'unknown-configuration-set': { code: 'NotFoundException', status: 404 },
  'configuration-set-paused': { code: 'SendingPausedException', status: 400 },
  'account-paused': { code: 'SendingPausedException', status: 400 },
  'unknown-operation': { code: 'UnknownOperationException', status: 404 },
  unauthenticated: { code: 'MissingAuthenticationTokenException', status: 403 },
  'wrong-credential-scope': { code: 'InvalidSignatureException', status: 403 },
  'request-too-large': { code: 'RequestEntityTooLargeException', status: 413 },
  'internal-failure': { code: 'InternalServiceErrorException', status: 500 },
  unavailable: { code: 'ServiceUnavailableException', status: 503 },
};

export function restSuccess(output: object): Answer {
  return { status: 200, headers: headers(), body: JSON.stringify(output) };
}

export function restRefusal(refusal: Refusal): Answer {
  return restError({ ...ERRORS[refusal.reason], message: refusal.message });
}

export function restError({ code, message, status }: WireError): Answer {
  return {
    status,
    headers: { ...headers(), 'x-amzn-errortype': code },
    body: JSON.stringify({ message }),
    code,
  };
}

function headers(): Record<string, string> {
  return { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
}

import type { AccountFault } from './account-fault.ts';
import type { AccountError } from './account-operation.ts';
import type { AccountService, Protocol } from './account-service.ts';

/** The faults that have an error response. */
export type AnsweredFault = Exclude<AccountFault, { kind: 'reset' | 'silence' }>;

/** The error codes of a protocol's services. */
interface FaultCodes {
  readonly throttle: readonly [code: string, status: number];
  readonly denied: readonly [code: string, status: number];
  readonly 'unknown-key': readonly [code: string, status: number];
  readonly 'expired-session': readonly [code: string, status: number];
}

/** From the pages "Common Errors" of the services. */
const CODES: Readonly<Record<Protocol['kind'], FaultCodes>> = {
  query: {
    throttle: ['Throttling', 400],
    denied: ['AccessDenied', 403],
    'unknown-key': ['InvalidClientTokenId', 403],
    'expired-session': ['ExpiredToken', 403],
  },
  json: {
    throttle: ['ThrottlingException', 400],
    denied: ['AccessDeniedException', 400],
    'unknown-key': ['UnrecognizedClientException', 400],
    'expired-session': ['ExpiredTokenException', 400],
  },
  'rest-json': {
    throttle: ['TooManyRequestsException', 429],
    denied: ['AccessDeniedException', 403],
    'unknown-key': ['UnrecognizedClientException', 403],
    'expired-session': ['ExpiredTokenException', 403],
  },
};

/** A fault as an error of the called service. */
export function faultError(
  fault: AnsweredFault,
  { name, protocol }: AccountService,
  action: string,
  callerArn: string,
): AccountError {
  if (fault.kind === 'error') return fault;
  if (fault.kind === 'failure') {
    const code = fault.status === 500 ? 'InternalFailure' : 'ServiceUnavailable';
    return { code, message: 'We encountered an internal error. Please try again.', status: fault.status };
  }
  const [code, status] = codeOf(fault.kind, name, protocol);
  return { code, status, message: messageOf(fault.kind, `${name}:${action}`, callerArn) };
}

function codeOf(kind: keyof FaultCodes, service: string, { kind: protocol }: Protocol) {
  if (service === 'sns' && kind === 'denied') return ['AuthorizationError', 403] as const;
  return CODES[protocol][kind];
}

function messageOf(kind: keyof FaultCodes, permission: string, callerArn: string): string {
  switch (kind) {
    case 'throttle':
      return 'Rate exceeded';
    case 'denied':
      return `User: ${callerArn} is not authorized to perform: ${permission} because no identity-based policy allows the ${permission} action`;
    case 'unknown-key':
      return 'The security token included in the request is invalid.';
    case 'expired-session':
      return 'The security token included in the request is expired';
  }
}

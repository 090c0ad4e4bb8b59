/** Why SES does not do what a call asks. Each protocol has its own code and status for each reason. */
export type RefusalReason =
  | 'invalid-parameter'
  | 'missing-parameter'
  | 'malformed-request'
  | 'message-rejected'
  | 'throttled'
  | 'unknown-configuration-set'
  | 'configuration-set-paused'
  | 'account-paused'
  | 'unknown-operation'
  | 'unauthenticated'
  | 'wrong-credential-scope'
  | 'request-too-large'
  | 'internal-failure'
  | 'unavailable';

/** A call refused, with the text that SES gives. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** A refusal for a parameter, or a header of the message, that SES does not take. */
export function invalidParameter(message: string): Refusal {
  return { reason: 'invalid-parameter', message };
}

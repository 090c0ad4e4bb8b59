import * as v from 'valibot';

/**
 * Why SMTP did not take a mail.
 *
 * - `unreachable`: no session: name not found, refused, timed out, closed before the mail's data.
 * - `tls`: the encrypted session could not be made, or its certificate is not trusted.
 * - `auth`: the server did not accept who we are.
 * - `deferred`: it answered 4xx: not now.
 * - `rejected`: it answered 5xx: not like this.
 * - `unknown`: the data was on the wire and no final answer came; it may or may not have been taken.
 * - `circuit-open`: SMTP was not tried, since it had just failed for others.
 */
export const FAILURE_CLASSES = [
  'unreachable',
  'tls',
  'auth',
  'deferred',
  'rejected',
  'unknown',
  'circuit-open',
] as const;

export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** How far the SMTP session had come when it failed. */
export const FAILURE_PHASES = [
  'queue',
  'connect',
  'greeting',
  'tls',
  'auth',
  'envelope',
  'data',
  'final-reply',
] as const;

export type FailurePhase = (typeof FAILURE_PHASES)[number];

/** A server may answer with pages of text; this much is kept. */
export const MAX_RESPONSE_CHARACTERS = 1000;

export const failureSchema = v.object({
  class: v.picklist(FAILURE_CLASSES),
  /** The error code of the library or the system: `ECONNREFUSED`, `ETIMEDOUT`. */
  code: v.optional(v.pipe(v.string(), v.maxLength(100, 'at most 100 characters'))),
  /** The server's own words, reply code first. */
  response: v.optional(
    v.pipe(v.string(), v.maxLength(MAX_RESPONSE_CHARACTERS, `at most ${MAX_RESPONSE_CHARACTERS} characters`)),
  ),
  /** RFC 3463, for instance `5.7.1`. */
  enhancedStatus: v.optional(
    v.pipe(v.string(), v.regex(/^[245]\.\d{1,3}\.\d{1,3}$/, 'an enhanced status code such as 4.2.1')),
  ),
  /** The SMTP command that failed: `MAIL FROM`, `RCPT TO`, `DATA`. */
  command: v.optional(v.pipe(v.string(), v.maxLength(100, 'at most 100 characters'))),
  phase: v.picklist(FAILURE_PHASES),
  at: v.pipe(v.string(), v.isoTimestamp('an ISO 8601 time with its offset')),
});

export type Failure = v.InferOutput<typeof failureSchema>;

/** Reads the enhanced status code (RFC 3463) that follows the reply code in a server's answer. */
export function enhancedStatusOf(response: string): string | undefined {
  return /^[245]\d{2}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
}

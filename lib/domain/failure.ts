import * as v from 'valibot';
import { DAY_MS } from '../common/time.ts';
import { QUEUE_RETENTION_DAYS } from './limits.ts';

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
  /** Of `circuit-open`: why the server counts as down. */
  openedBy: v.optional(v.picklist(FAILURE_CLASSES)),
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

/**
 * True where any mail would have failed the same way: nobody got as far as the mail, or the server refused for a
 * reason that lies with itself, its network or its policy, as where it denies to relay. The mail or its recipient is
 * at fault where a mailbox does not exist, is full, or the content is refused.
 *
 * By the subject of the enhanced status code (RFC 3463, 3), or by reply codes that speak of the server: 421, it is
 * closing (RFC 5321, 4.2.2), and 454, it cannot do TLS or check who we are now (RFC 3207, 4; RFC 4954, 6).
 */
export function isServerAtFault(failure: Failure): boolean {
  switch (failure.class) {
    case 'unreachable':
    case 'tls':
    case 'auth':
    case 'unknown':
    case 'circuit-open':
      return true;
    case 'deferred':
    case 'rejected': {
      const { response = '', enhancedStatus = enhancedStatusOf(response) } = failure;
      if (/^(?:421|454)\b/.test(response)) return true;
      const [, subject = '', detail] = enhancedStatus?.split('.') ?? [];
      return SUBJECTS_OF_THE_SERVER.has(subject) && !isTooLarge(subject, detail);
    }
  }
}

/** Mail system, network and routing, security or policy. */
const SUBJECTS_OF_THE_SERVER: ReadonlySet<string> = new Set(['3', '4', '7']);

/** X.3.4 is among the mail system's, and still it is the mail that is too large: others pass. */
function isTooLarge(subject: string, detail: string | undefined): boolean {
  return subject === '3' && detail === '4';
}

/** Reads the enhanced status code (RFC 3463) that follows the reply code in a server's answer. */
export function enhancedStatusOf(response: string): string | undefined {
  return /^[245]\d{2}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
}

/** So far two clocks may be apart; AWS takes no request that is signed by a clock which is off by more. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** A mail may wait in the queue, then in the dead letters, and SES tries for less than a day. */
const MAX_SINCE_FAILURE_MS = (2 * QUEUE_RETENTION_DAYS + 1) * DAY_MS;

/**
 * How long a mail took, in milliseconds; 0 where the clock of the API is a little ahead. The time of the failure is
 * the caller's word: what can only be a wrong clock, or made up, is undefined, and must not spoil a measure.
 */
export function sinceFailureMs(failedAt: Date, until: Date): number | undefined {
  const ms = until.getTime() - failedAt.getTime();
  return ms >= -CLOCK_SKEW_MS && ms <= MAX_SINCE_FAILURE_MS ? Math.max(ms, 0) : undefined;
}

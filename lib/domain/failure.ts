import * as v from 'valibot';
import { DAY_MS } from '../common/time.ts';
import { QUEUE_RETENTION_DAYS } from './limits.ts';

/**
 * Why SMTP did not accept a mail.
 *
 * - `unreachable`: no session: name not found, refused, timed out, closed before the mail's data.
 * - `tls`: the TLS handshake failed, or the certificate is not trusted.
 * - `auth`: authentication failed.
 * - `deferred`: 4xx reply: temporary.
 * - `rejected`: 5xx reply: permanent.
 * - `unknown`: data was on the wire and no final reply came; the server may or may not have accepted it.
 * - `circuit-open`: SMTP was not tried, because it had just failed for other mails.
 * - `undelivered`: the mail server accepted the mail, could not deliver it, and gave it to the relay behind it.
 */
export const FAILURE_CLASSES = [
  'unreachable',
  'tls',
  'auth',
  'deferred',
  'rejected',
  'unknown',
  'circuit-open',
  'undelivered',
] as const;

export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** The phase in which the SMTP session failed. */
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

/** A server reply may be pages long; this much is kept. */
export const MAX_RESPONSE_CHARACTERS = 1000;

/** What a mail server responded. */
export const serverResponse = v.pipe(
  v.string(),
  v.maxCodePoints(MAX_RESPONSE_CHARACTERS, `at most ${MAX_RESPONSE_CHARACTERS} characters`),
);

/** RFC 3463. */
export const enhancedStatus = v.pipe(
  v.string(),
  v.regex(/^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/, 'an enhanced status code such as 4.2.1'),
);

/**
 * A newer sender may name a class or a phase that this version does not know. A mail must not be lost for that: it is
 * read as `unknown`, which makes no claim about the server. The published schema allows the known ones alone.
 */
const failureClass = v.fallback(v.picklist(FAILURE_CLASSES), 'unknown');

export const failureSchema = v.object({
  class: v.pipe(failureClass, v.description('Why SMTP did not accept the mail.')),
  openedBy: v.optional(
    v.pipe(failureClass, v.description('Of the class circuit-open: why the server counts as down.')),
  ),
  code: v.optional(
    v.pipe(
      v.string(),
      v.maxCodePoints(100, 'at most 100 characters'),
      v.description('The error code of the library or the system, such as ECONNREFUSED.'),
    ),
  ),
  response: v.optional(v.pipe(serverResponse, v.description('The reply of the server, with its code.'))),
  enhancedStatus: v.optional(
    v.pipe(enhancedStatus, v.description('The enhanced status code (RFC 3463), such as 5.7.1.')),
  ),
  command: v.optional(
    v.pipe(
      v.string(),
      v.maxCodePoints(100, 'at most 100 characters'),
      v.description('The SMTP command that failed: MAIL FROM, RCPT TO or DATA.'),
    ),
  ),
  phase: v.pipe(
    v.fallback(v.picklist(FAILURE_PHASES), 'queue'),
    v.description('How far the SMTP session had come.'),
  ),
  at: v.pipe(
    v.string(),
    v.isoTimestamp('an ISO 8601 time with its offset'),
    v.description('When it failed, in ISO 8601 with an offset.'),
  ),
});

export type Failure = v.InferOutput<typeof failureSchema>;

/**
 * True if any mail would have failed the same way: the session never got to the mail, or the server refused
 * it for a reason of its own, its network or its policy, such as a denied relay. The mail or its recipient is
 * at fault if a mailbox does not exist or is full, or the content is refused.
 *
 * Decided by the subject of the enhanced status code (RFC 3463, 3), or by reply codes about the server: 421
 * closing (RFC 5321, 4.2.2), and 454 TLS or authentication not available now (RFC 3207, 4; RFC 4954, 6).
 */
export function isServerAtFault(failure: Failure): boolean {
  switch (failure.class) {
    case 'unreachable':
    case 'tls':
    case 'auth':
    case 'unknown':
    case 'circuit-open':
    case 'undelivered':
      return true;
    case 'deferred':
    case 'rejected': {
      const { response = '', enhancedStatus = enhancedStatusOf(response) } = failure;
      if (/^(?:421|454)\b/.test(response)) return true;
      const [, subject = '', detail] = enhancedStatus?.split('.') ?? [];
      return SERVER_SUBJECTS.has(subject) && !isTooLarge(subject, detail);
    }
  }
}

/** Mail system, network and routing, security or policy. */
const SERVER_SUBJECTS: ReadonlySet<string> = new Set(['3', '4', '7']);

/** X.3.4 is a mail system code, but means that this mail is too large: others pass. */
function isTooLarge(subject: string, detail: string | undefined): boolean {
  return subject === '3' && detail === '4';
}

/** Reads the enhanced status code (RFC 3463) that follows the reply code in a server reply. */
export function enhancedStatusOf(response: string): string | undefined {
  return /^[245]\d{2}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
}

/** Maximum clock skew; AWS rejects requests signed by a clock that is off by more. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** A mail may wait in the queue, then in the dead-letter queue, and SES retries for less than a day. */
const MAX_SINCE_FAILURE_MS = (2 * QUEUE_RETENTION_DAYS + 1) * DAY_MS;

/**
 * How long a mail took, in milliseconds; 0 if the API's clock is slightly ahead. The caller sets the time of
 * the failure: an impossible value (wrong clock or invented) is undefined and must not distort a metric.
 */
export function sinceFailureMs(failedAt: Date, until: Date): number | undefined {
  const ms = until.getTime() - failedAt.getTime();
  return ms >= -CLOCK_SKEW_MS && ms <= MAX_SINCE_FAILURE_MS ? Math.max(ms, 0) : undefined;
}

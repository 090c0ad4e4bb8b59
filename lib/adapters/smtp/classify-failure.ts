import type { NodemailerError } from 'nodemailer';
import {
  enhancedStatusOf,
  type Failure,
  type FailureClass,
  type FailurePhase,
  MAX_RESPONSE_CHARACTERS,
} from '../../domain/failure.ts';
import type { Progress } from './observed-message.ts';

/**
 * Classifies why SMTP did not accept a mail, by nodemailer's error and the observed progress of the message.
 *
 * Replies decide first: a server that refused has not accepted the mail. Without a reply, a body on the wire
 * means `unknown`; before that, nothing was sent.
 */
export function classifyFailure(error: NodemailerError, progress: Progress, at: Date): Failure {
  const response = error.response?.slice(0, MAX_RESPONSE_CHARACTERS);
  const enhancedStatus = response === undefined ? undefined : enhancedStatusOf(response);
  const code = systemCodeOf(error);
  return {
    class: classOf(error, progress),
    phase: phaseOf(error, progress),
    at: at.toISOString(),
    ...(code === undefined ? {} : { code }),
    ...(response === undefined ? {} : { response }),
    ...(enhancedStatus === undefined ? {} : { enhancedStatus }),
    ...(commandOf(error) === undefined ? {} : { command: commandOf(error) }),
  };
}

function classOf(error: NodemailerError, progress: Progress): FailureClass {
  const bodyOnTheWire = progress === 'data' || progress === 'complete';
  const refusal = refusalClass(error);
  if (bodyOnTheWire) return refusal ?? 'unknown';
  if (isAuthError(error)) return 'auth';
  if (isTlsError(error)) return 'tls';
  return refusal ?? (isRefusedLocally(error) ? 'rejected' : 'unreachable');
}

/** nodemailer does not send what EHLO rules out: a message over the server's SIZE (RFC 1870). */
function isRefusedLocally(error: NodemailerError): boolean {
  return error.code === 'EMESSAGE' || error.code === 'EENVELOPE';
}

/** The class of a 4xx or 5xx reply; any other reply does not count. */
function refusalClass(error: NodemailerError): FailureClass | undefined {
  const replyCode = error.responseCode ?? 0;
  if (replyCode >= 400 && replyCode < 500) return 'deferred';
  if (replyCode >= 500 && replyCode < 600) return 'rejected';
  return undefined;
}

/** 530 is "authentication required" (RFC 4954, 6) unless it asks for STARTTLS (RFC 3207, 4). */
function isAuthError(error: NodemailerError): boolean {
  if (error.code === 'EAUTH' || error.code === 'ENOAUTH') return true;
  return error.responseCode === 530 && !asksForStartTls(error);
}

function asksForStartTls(error: NodemailerError): boolean {
  return /STARTTLS/i.test(error.response ?? '');
}

/** OpenSSL's certificate error codes, which Node passes on unchanged. */
const CERTIFICATE_CODES =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|ERR_TLS_|ERR_SSL_|EPROTO$)/;

function isTlsError(error: NodemailerError): boolean {
  if (error.code === 'ETLS' || error.code === 'EREQUIRETLS') return true;
  if (error.timeoutType === 'UPGRADE_TIMEOUT') return true;
  // Node has no code for a peer that disconnects during the handshake.
  if (error.message.includes('before secure TLS connection was established')) return true;
  if (CERTIFICATE_CODES.test(systemCodeOf(error) ?? '')) return true;
  return error.responseCode === 530 && asksForStartTls(error);
}

/** The system error code (`ECONNREFUSED`), which nodemailer wraps in its own (`ESOCKET`). */
function systemCodeOf(error: NodemailerError): string | undefined {
  const code = error.originalCode ?? error.code;
  return typeof code === 'string' ? code : undefined;
}

function phaseOf(error: NodemailerError, progress: Progress): FailurePhase {
  switch (progress) {
    case 'complete':
      return 'final-reply';
    case 'data':
      return 'data';
    case 'envelope':
      return 'envelope';
    case 'waiting':
      return sessionPhaseOf(error);
  }
}

function sessionPhaseOf(error: NodemailerError): FailurePhase {
  if (error.code === 'EABORT') return 'queue';
  if (isAuthError(error)) return 'auth';
  if (isTlsError(error)) return 'tls';
  if (error.responseCode !== undefined || error.timeoutType === 'GREETING_TIMEOUT') return 'greeting';
  return 'connect';
}

/** nodemailer uses `CONN` and `API` for "no command". */
function commandOf(error: NodemailerError): string | undefined {
  return error.command === undefined || ['CONN', 'API'].includes(error.command) ? undefined : error.command;
}

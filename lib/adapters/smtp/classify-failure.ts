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
 * Says why SMTP did not take a mail, from nodemailer's error and from how far the message was seen to come.
 *
 * Replies decide first: a server that said no has not taken the mail. Without a reply, a body that was on the
 * wire makes it `unknown`; before that, nothing was sent.
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
  return refusal ?? (isRefusedUnasked(error) ? 'rejected' : 'unreachable');
}

/** nodemailer does not offer what EHLO has ruled out: a message over the server's SIZE (RFC 1870). */
function isRefusedUnasked(error: NodemailerError): boolean {
  return error.code === 'EMESSAGE' || error.code === 'EENVELOPE';
}

/** The class of a 4xx or 5xx reply; any other answer is no answer. */
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

/** OpenSSL's verdicts on a certificate that Node passes on as they are. */
const CERTIFICATE_CODES =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|ERR_TLS_|ERR_SSL_|EPROTO$)/;

function isTlsError(error: NodemailerError): boolean {
  if (error.code === 'ETLS' || error.code === 'EREQUIRETLS') return true;
  if (error.timeoutType === 'UPGRADE_TIMEOUT') return true;
  // Node has no code of its own for a peer that leaves in the middle of the handshake.
  if (error.message.includes('before secure TLS connection was established')) return true;
  if (CERTIFICATE_CODES.test(systemCodeOf(error) ?? '')) return true;
  return error.responseCode === 530 && asksForStartTls(error);
}

/** The system's word (`ECONNREFUSED`), which nodemailer keeps behind its own (`ESOCKET`). */
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

/** `CONN` and `API` are nodemailer's own words for "no command". */
function commandOf(error: NodemailerError): string | undefined {
  return error.command === undefined || ['CONN', 'API'].includes(error.command) ? undefined : error.command;
}

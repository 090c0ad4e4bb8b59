import type { Failure } from '../message/failure.ts';

/** `verify` failed: SMTP would take no mail now. */
export class SmtpNotReadyError extends Error {
  override readonly name = 'SmtpNotReadyError';
  /** The code of the library or the system, or else the class of the failure. */
  readonly code: string;
  /** The server's answer, where it gave one, as nodemailer's own errors carry it. */
  readonly response: string | undefined;
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(
      `SMTP is not ready (${failure.class}): ${failure.response ?? failure.code ?? `in the phase ${failure.phase}`}`,
    );
    this.code = failure.code ?? failure.class;
    this.response = failure.response;
    this.failure = failure;
  }
}

import type { SesAccount } from './account.ts';
import type { Answer, WireRequest } from './http-exchange.ts';
import type { SesApi, SesMail, Submission } from './mail.ts';
import type { Refusal } from './refusal.ts';

/** A call as far as it was read. */
export interface SesCall {
  readonly api: SesApi;
  /** As AWS names it, such as `SendRawEmail` or `GetAccount`; `unknown` for what SES has no name for. */
  readonly operation: string;
  /** What is to be sent, by calls that send. */
  readonly submission?: Submission;
}

/** A call that was read and not yet done: `perform` does it, once, and gives the answer. */
export interface PreparedCall extends SesCall {
  perform(): Answer;
}

/** An error as it stands in an answer. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

/** One of the protocols of SES: how calls are read, and answers and errors written. */
export interface Wire {
  readonly api: SesApi;
  prepare(request: WireRequest): PreparedCall;
  refuse(refusal: Refusal): Answer;
  error(error: WireError): Answer;
}

/** What a submission comes to. */
export type SendOutcome =
  | { readonly kind: 'accepted'; readonly mail: SesMail }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The service behind both protocols. */
export interface SesService {
  readonly account: SesAccount;
  now(): Date;
  sentLast24Hours(): number;
  send(submission: Submission, api: SesApi): SendOutcome;
}

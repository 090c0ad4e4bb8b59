import type { IncomingMessage } from 'node:http';
import type { SesAccount } from './account.ts';
import type { SendStatistics } from './send-statistics.ts';
import type { Refusal, SesApi, SesMail, Submission } from './submission.ts';

/** A completely read request. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The error code in the body, for the call records. */
  readonly code?: string;
}

/** A complete body, or one over the limit. */
export type ReceivedBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' };

/** `gone` if the client disconnects while sending. */
export type RequestBody = ReceivedBody | { readonly kind: 'gone' };

/**
 * Reads a body of at most `maxBytes`. A larger one is read to its end and discarded: a client that is still
 * writing when the connection closes would see a reset instead of the response.
 */
export async function readRequestBody(request: IncomingMessage, maxBytes: number): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch {
    return { kind: 'gone' };
  }
  return length > maxBytes ? { kind: 'too-large' } : { kind: 'whole', bytes: Buffer.concat(chunks, length) };
}

/** A parsed call. */
export interface SesCall {
  readonly api: SesApi;
  /** AWS's name, such as `SendRawEmail` or `GetAccount`; `unknown` if SES has no such operation. */
  readonly operation: string;
  /** Only in calls that send. */
  readonly submission?: Submission;
}

/** A parsed call that is not executed yet: call `perform` once to execute it and get the response. */
export interface PreparedCall extends SesCall {
  perform(): Answer;
}

/** An error in a response. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

/** One of the protocols of SES: parses calls, and serialises responses and errors. */
export interface Wire {
  readonly api: SesApi;
  prepare(request: WireRequest): PreparedCall;
  refuse(refusal: Refusal): Answer;
  error(error: WireError): Answer;
}

/** The result of a submission. */
export type SendOutcome =
  | { readonly kind: 'accepted'; readonly mail: SesMail }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The service behind both protocols. */
export interface SesService {
  readonly account: SesAccount;
  now(): Date;
  readonly statistics: SendStatistics;
  sentLast24Hours(): number;
  send(submission: Submission, api: SesApi): SendOutcome;
}

import type { IncomingMessage } from 'node:http';
import type { SesAccount } from './account.ts';
import type { Refusal, SesApi, SesMail, Submission } from './submission.ts';

/** A request that was read whole. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** What is written back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The error code that the body carries, for the record of calls. */
  readonly code?: string;
}

/** A body read to its end, or one over the limit. */
export type ReceivedBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' };

/** Or a client that went away while sending. */
export type RequestBody = ReceivedBody | { readonly kind: 'gone' };

/**
 * Reads a body, keeping at most `maxBytes` of it. The rest of a larger one is read and thrown away: a client
 * that is still writing when the connection closes would see a reset and never the answer.
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

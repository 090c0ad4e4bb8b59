import type { IncomingMessage } from 'node:http';

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

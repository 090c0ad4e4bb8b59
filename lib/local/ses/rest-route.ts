import type { Answer, WireRequest } from './http-exchange.ts';
import type { Refusal } from './refusal.ts';
import { restRefusal } from './rest-answer.ts';
import type { PreparedCall, SesService } from './wire.ts';

/** An operation: reads its input from the request. A new one is one more row of a table. */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly prepare: (request: WireRequest, service: SesService) => PreparedCall;
}

/** A call that sends no mail. */
export function plainCall(operation: string, perform: () => Answer): PreparedCall {
  return { api: 'v2', operation, perform };
}

export function refusedCall(operation: string, refusal: Refusal): PreparedCall {
  return plainCall(operation, () => restRefusal(refusal));
}

/** @returns undefined where the body is not JSON */
export function jsonBody({ body }: WireRequest): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The last part of the path, such as a name; what is not an encoding of anything stands for itself. */
export function nameInPath({ path }: WireRequest): string {
  const encoded = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

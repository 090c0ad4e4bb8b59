import type { IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { OperationInput } from './account-operation.ts';
import { type AccountService, SERVICES } from './account-service.ts';
import { readLambdaPath } from './lambda.ts';

/** A request with its whole body. */
export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The call of a request, or why it has none. */
export type AccountCall =
  | {
      readonly kind: 'call';
      readonly service: AccountService;
      readonly region: string;
      /** Empty if method and path match no action. */
      readonly action: string;
      readonly input: OperationInput;
    }
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'unknown-service'; readonly signedFor: string };

/** Reads service and Region from the signature, which is not verified: the double has no secret keys. */
export function readCall(request: RawRequest): AccountCall {
  const scope = /Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(
    request.headers.authorization ?? '',
  );
  if (scope === null) return { kind: 'unsigned' };
  const [, region = '', signedFor = ''] = scope;
  const service = Object.hasOwn(SERVICES, signedFor) ? SERVICES[signedFor] : undefined;
  if (service === undefined) return { kind: 'unknown-service', signedFor };
  return { kind: 'call', service, region, ...readInput(service, request) };
}

interface ReadInput {
  readonly action: string;
  readonly input: OperationInput;
}

function readInput({ protocol }: AccountService, request: RawRequest): ReadInput {
  switch (protocol.kind) {
    case 'query': {
      const {
        Action: action = '',
        Version: _,
        ...input
      } = Object.fromEntries(new URLSearchParams(request.body.toString()));
      return { action, input };
    }
    case 'json': {
      const target = request.headers['x-amz-target'];
      const name = typeof target === 'string' ? target.slice(target.lastIndexOf('.') + 1) : '';
      return { action: name, input: jsonObject(request) };
    }
    case 'rest-json': {
      const [path = '', search = ''] = request.url.split('?', 2);
      const read = readLambdaPath(request.method, path);
      if (read === undefined) return { action: '', input: {} };
      return {
        action: read.action,
        input: { ...Object.fromEntries(new URLSearchParams(search)), ...read.input },
      };
    }
  }
}

/** AWS limits the unpacked size of any call as well. */
const MAX_UNPACKED_BYTES = 1024 * 1024;

/**
 * Anything but an object becomes an empty one, without the parameters that a call needs. Clients compress
 * larger bodies of some calls, such as CloudWatch's metrics.
 */
function jsonObject({ headers, body }: RawRequest): OperationInput {
  try {
    const isPacked = headers['content-encoding'] === 'gzip';
    const unpacked = isPacked ? gunzipSync(body, { maxOutputLength: MAX_UNPACKED_BYTES }) : body;
    const value: unknown = JSON.parse(unpacked.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

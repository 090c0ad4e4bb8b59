import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../ports/runtime.ts';
import type { FaultEffect, Faults } from './fault.ts';
import {
  type Answer,
  type PreparedCall,
  type ReceivedBody,
  readRequestBody,
  type Wire,
} from './http-exchange.ts';
import type { Recorder } from './recorder.ts';
import type { MessageTags, Refusal, SesApi } from './submission.ts';

/** v2 accepts messages of 40 MB, 53 MB in base64; larger requests are refused without parsing. */
const MAX_REQUEST_BYTES = 60 * 1024 * 1024;

export interface HttpFrontOptions {
  readonly wires: Readonly<Record<SesApi, Wire>>;
  readonly region: string;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly calls: Recorder<CallRecord>;
}

/** How to execute the HTTP exchange of a call. */
type Ending =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly delayMs: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'silence' };

/** The HTTP layer in front of the protocols: credentials, faults, call records, and responses. */
export class HttpFront {
  readonly #options: HttpFrontOptions;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    // the client may disconnect at any time; this is no error of the double
    response.on('error', () => {});
    this.#serve(request, response).catch((error: unknown) => {
      // a bug in the double must show in the client at once, not as a hanging call
      const refusal: Refusal = { reason: 'internal-failure', message: `The double failed: ${String(error)}` };
      if (!response.headersSent) write(response, this.#selectWire(request).refuse(refusal));
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wire = this.#selectWire(request);
    const body = await readRequestBody(request, MAX_REQUEST_BYTES);
    if (body.kind === 'gone') return;
    const call = this.#readCall(wire, request, body);
    const ending = execute(call, this.#options.faults.take(call), wire);
    this.#record(call, ending, request);
    await this.#finish(ending, request, response);
  }

  #selectWire(request: IncomingMessage): Wire {
    return pathOf(request).startsWith('/v2/') ? this.#options.wires.v2 : this.#options.wires.v1;
  }

  #readCall(wire: Wire, request: IncomingMessage, body: ReceivedBody): PreparedCall {
    const wrongScope = checkCredentialScope(request.headers.authorization, this.#options.region);
    if (wrongScope !== undefined) return unreadCall(wire, wrongScope);
    if (body.kind === 'too-large') {
      return unreadCall(wire, { reason: 'request-too-large', message: 'Request entity too large' });
    }
    return wire.prepare({
      method: request.method ?? '',
      path: pathOf(request),
      query: queryOf(request),
      body: body.bytes,
    });
  }

  #record(call: PreparedCall, ending: Ending, { socket }: IncomingMessage): void {
    const { api, operation, submission } = call;
    const at = this.#options.clock.now();
    const tags = submission && { tags: submission.tags };
    this.#options.calls.add({
      api,
      operation,
      at,
      ...tags,
      clientPort: socket.remotePort,
      outcome: outcomeOf(ending),
    });
  }

  async #finish(ending: Ending, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (ending.kind === 'silence') return;
    if (ending.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (ending.delayMs > 0) await delayUnlessGone(ending.delayMs, response);
    write(response, ending.answer);
  }
}

function unreadCall(wire: Wire, refusal: Refusal): PreparedCall {
  return { api: wire.api, operation: 'unknown', perform: () => wire.refuse(refusal) };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const [, query = ''] = (request.url ?? '').split('?', 2);
  return new URLSearchParams(query);
}

function execute(call: PreparedCall, fault: FaultEffect | undefined, wire: Wire): Ending {
  switch (fault?.kind) {
    case undefined:
      return respond(call.perform());
    case 'slow-answer':
      return respond(call.perform(), fault.delayMs);
    case 'server-error':
      return respond(wire.refuse(serverError(fault.status)));
    case 'throttling':
      return respond(
        wire.refuse({ reason: 'throttled', message: fault.message ?? 'Maximum sending rate exceeded.' }),
      );
    case 'error':
      return respond(wire.error(fault));
    case 'reset':
    case 'silence':
      if (fault.accepted) call.perform();
      return { kind: fault.kind };
    case 'garbage':
      if (fault.accepted) call.perform();
      return respond(garbage(fault.body));
  }
}

function respond(answer: Answer, delayMs = 0): Ending {
  return { kind: 'answer', answer, delayMs };
}

function serverError(status: 500 | 503): Refusal {
  return status === 500
    ? { reason: 'internal-failure', message: 'We encountered an internal error. Please try again.' }
    : { reason: 'unavailable', message: 'Service is unavailable' };
}

function garbage(body = '<html><body>Welcome to the wireless network</body></html>'): Answer {
  return { status: 200, headers: { 'content-type': 'text/html' }, body };
}

function outcomeOf(ending: Ending): CallOutcome {
  if (ending.kind !== 'answer') return ending;
  const { status, code } = ending.answer;
  return { kind: 'answered', status, ...(code !== undefined && { code }) };
}

function write(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) });
  response.end(answer.body);
}

/** Stops waiting when the client disconnects or the server is closed. */
async function delayUnlessGone(delayMs: number, response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  await delay(delayMs, undefined, { signal: gone.signal }).catch(() => {});
}

type CallOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly code?: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'silence' };

/** A call that was made, whether or not it sent a mail. */
export interface CallRecord {
  readonly api: SesApi;
  readonly operation: string;
  readonly at: Date;
  readonly tags?: MessageTags;
  /** Calls by one connection have the same; undefined if it is closed already. */
  readonly clientPort: number | undefined;
  readonly outcome: CallOutcome;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=[^/,\s]+\/\d{8}\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]{64}$/;

/**
 * Checks that a request has a SigV4 authorization for SES in this region. The signature itself is not
 * verified, since the double has no secrets.
 */
function checkCredentialScope(authorization: string | undefined, region: string): Refusal | undefined {
  const scope = AUTHORIZATION.exec(authorization ?? '');
  if (scope === null) {
    return { reason: 'unauthenticated', message: 'Request is missing Authentication Token' };
  }
  const [, scopeRegion, service] = scope;
  if (scopeRegion !== region) {
    return wrongScope(`Credential should be scoped to a valid region, not '${scopeRegion}'.`);
  }
  return service === 'ses' ? undefined : wrongScope("Credential should be scoped to correct service: 'ses'.");
}

function wrongScope(message: string): Refusal {
  return { reason: 'wrong-credential-scope', message };
}

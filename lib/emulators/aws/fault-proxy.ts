import { EventEmitter, once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type AwsCalls,
  type AwsFault,
  type AwsFaultHandle,
  type AwsFaultRule,
  type AwsRequest,
  concerns,
  deniedAnswer,
  FaultPlan,
  failedAnswer,
  type HttpAnswer,
  readAwsRequest,
  throttledAnswer,
} from './aws-fault.ts';

type Call = { readonly service: string; readonly action: string };

/** Called when a call arrives, before the response, with the fault that applies to it. */
export type CallListener = (call: AwsRequest, fault: AwsFault | undefined) => void;

/**
 * A proxy on 127.0.0.1 for an AWS emulator that makes calls fail as in AWS. Without a fault it forwards every
 * request unchanged.
 */
export class FaultProxy {
  readonly #plan = new FaultPlan();
  readonly #calls: Call[] = [];
  readonly #arrivals = new EventEmitter<{ call: Parameters<CallListener> }>();
  readonly #upstream = new Agent({ keepAlive: true });
  readonly #closing = new AbortController();
  readonly #targetPort: number;
  readonly #server: Server;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
  }

  /** Listens on a free port, and forwards to the target port of 127.0.0.1. */
  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on, calls fail by this rule. Earlier rules have precedence. */
  fault(rule: AwsFaultRule): AwsFaultHandle {
    return this.#plan.add(rule);
  }

  /** Ends all faults. Calls with the fault `silence` still get no response. */
  heal(): void {
    this.#plan.heal();
  }

  /** Number of matching calls so far, including SDK retries and failed calls. */
  callsOf(calls: AwsCalls): number {
    return this.#calls.filter((call) => concerns(calls, call)).length;
  }

  /** Resolves when the next matching call arrives, before the response. Rejects with the signal's reason. */
  arrival(calls: AwsCalls, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      const see = (call: Call) => {
        if (concerns(calls, call)) settle(resolve);
      };
      const abort = () => settle(() => reject(options.signal?.reason));
      const settle = (end: () => void) => {
        this.#arrivals.off('call', see);
        options.signal?.removeEventListener('abort', abort);
        end();
      };
      this.#arrivals.on('call', see);
      options.signal?.addEventListener('abort', abort);
    });
  }

  /** Calls the listener for each call from now on. */
  subscribe(listener: CallListener): void {
    this.#arrivals.on('call', listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#upstream.destroy();
    await closed;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const call = readAwsRequest({
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers: incoming.headers,
        body: await buffer(incoming),
      });
      this.#calls.push({ service: call.service, action: call.action });
      const fault = this.#plan.next(call);
      this.#arrivals.emit('call', call, fault);
      await this.#respond(call, fault, outgoing);
    } catch {
      // The client disconnected, the emulator is down or the proxy is closing: break the connection.
      outgoing.destroy();
    }
  }

  async #respond(call: AwsRequest, fault: AwsFault | undefined, outgoing: ServerResponse): Promise<void> {
    switch (fault?.kind) {
      case 'error':
        return write(outgoing, failedAnswer(call, fault.status));
      case 'throttle':
        return write(outgoing, throttledAnswer(call));
      case 'denied':
        return write(outgoing, deniedAnswer(call));
      case 'reset':
        if (fault.done) await this.#do(call, outgoing);
        outgoing.socket?.resetAndDestroy();
        return;
      case 'silence':
        if (fault.done) await this.#do(call, outgoing);
        return;
      case 'part-failed':
        return this.#respondInPart(call, fault, outgoing);
      case 'slow':
        await delay(fault.delayMs, undefined, { signal: this.#closing.signal });
        return this.#forward(call, outgoing);
      case undefined:
        return this.#forward(call, outgoing);
    }
  }

  async #respondInPart(
    call: AwsRequest,
    fault: Extract<AwsFault, { kind: 'part-failed' }>,
    outgoing: ServerResponse,
  ): Promise<void> {
    const batch = partFailedBatch(call.body, fault);
    if (!batch) return this.#forward(call, outgoing);
    const response = batch.rest && (await this.#do({ ...call, body: batch.rest }, outgoing));
    const body = response && response.status !== 200 ? response.body : batch.answer(response?.body);
    outgoing.writeHead(response?.status ?? 200, { 'content-type': 'application/x-amz-json-1.0' });
    outgoing.end(body);
  }

  async #forward(call: AwsRequest, outgoing: ServerResponse): Promise<void> {
    const response = await this.#send(call, outgoing);
    outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
    response.on('error', () => outgoing.destroy()).pipe(outgoing);
  }

  async #do(call: AwsRequest, outgoing: ServerResponse): Promise<{ status: number; body: Buffer }> {
    const response = await this.#send(call, outgoing);
    return { status: response.statusCode ?? 502, body: await buffer(response) };
  }

  /** Aborts the call to the emulator if the client gives up: an orphaned long poll would consume messages. */
  async #send(call: AwsRequest, outgoing: ServerResponse): Promise<IncomingMessage> {
    const { 'transfer-encoding': _, ...headers } = call.headers;
    const forwarded = request({
      host: '127.0.0.1',
      port: this.#targetPort,
      agent: this.#upstream,
      method: call.method,
      path: call.path,
      headers: { ...headers, 'content-length': String(call.body.length) },
    });
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) forwarded.destroy();
    });
    forwarded.end(call.body);
    const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
    return response;
  }
}

function write(outgoing: ServerResponse, response: HttpAnswer): void {
  outgoing.writeHead(response.status, response.headers);
  outgoing.end(response.body);
}

type PartFailed = Extract<AwsFault, { kind: 'part-failed' }>;
type Entry = { readonly Id: string };
type BatchRequest = { readonly Entries: readonly Entry[] };
type BatchResponse = { readonly Successful?: readonly unknown[]; readonly Failed?: readonly unknown[] };

/** An SQS batch without the failing entries, and a function that adds their failures to the response. */
type PartFailedBatch = {
  /** The request with the other entries; undefined if there are none. */
  readonly rest: Buffer | undefined;
  readonly answer: (restResponse: Buffer | undefined) => Buffer;
};

/** Undefined if the body is no batch. */
function partFailedBatch(body: Buffer, fault: PartFailed): PartFailedBatch | undefined {
  const request: unknown = JSON.parse(body.toString());
  if (!isBatch(request)) return undefined;
  const fails = (index: number) => fault.indices.includes(index);
  const rest = request.Entries.filter((_, index) => !fails(index));
  const failed = request.Entries.filter((_, index) => fails(index)).map(({ Id }) => ({
    Id,
    Code: fault.code ?? 'InternalError',
    Message: 'The entry failed.',
    SenderFault: fault.senderFault ?? false,
  }));
  return {
    rest: rest.length > 0 ? Buffer.from(JSON.stringify({ ...request, Entries: rest })) : undefined,
    answer: (restResponse) => {
      const done = restResponse ? (JSON.parse(restResponse.toString()) as BatchResponse) : {};
      return Buffer.from(
        JSON.stringify({ Successful: done.Successful ?? [], Failed: [...(done.Failed ?? []), ...failed] }),
      );
    },
  };
}

function isBatch(value: unknown): value is BatchRequest {
  return typeof value === 'object' && value !== null && 'Entries' in value && Array.isArray(value.Entries);
}

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

/** Is told of a call as it arrives and before it is answered, and of the fault that strikes it. */
export type CallListener = (call: AwsRequest, fault: AwsFault | undefined) => void;

/**
 * Stands on 127.0.0.1 in front of an emulator of AWS and lets its calls fail as those of AWS do. Without a fault
 * it passes every request on as it came.
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

  /** Starts one on a free port in front of the port of 127.0.0.1. */
  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on, calls fail as the rule says. Earlier rules go before later ones. */
  fault(rule: AwsFaultRule): void {
    this.#plan.add(rule);
  }

  /** Ends all faults. Calls that wait in silence go on waiting. */
  heal(): void {
    this.#plan.heal();
  }

  /** How many such calls have arrived, retries of the SDK and failed ones included. */
  callsOf(calls: AwsCalls): number {
    return this.#calls.filter((call) => concerns(calls, call)).length;
  }

  /** Resolves when such a call next arrives, before it is answered. Rejects with the signal's reason. */
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
      const fault = this.#plan.strike(call);
      this.#arrivals.emit('call', call, fault);
      await this.#answer(call, fault, outgoing);
    } catch {
      // The client has gone, the emulator is down or the proxy closes: the client sees a broken connection.
      outgoing.destroy();
    }
  }

  async #answer(call: AwsRequest, fault: AwsFault | undefined, outgoing: ServerResponse): Promise<void> {
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
        return this.#answerInPart(call, fault, outgoing);
      case 'slow':
        await delay(fault.delayMs, undefined, { signal: this.#closing.signal });
        return this.#forward(call, outgoing);
      case undefined:
        return this.#forward(call, outgoing);
    }
  }

  async #answerInPart(
    call: AwsRequest,
    fault: Extract<AwsFault, { kind: 'part-failed' }>,
    outgoing: ServerResponse,
  ): Promise<void> {
    const batch = partFailedBatch(call.body, fault);
    if (!batch) return this.#forward(call, outgoing);
    const answer = batch.rest && (await this.#do({ ...call, body: batch.rest }, outgoing));
    const body = answer && answer.status !== 200 ? answer.body : batch.answer(answer?.body);
    outgoing.writeHead(answer?.status ?? 200, { 'content-type': 'application/x-amz-json-1.0' });
    outgoing.end(body);
  }

  async #forward(call: AwsRequest, outgoing: ServerResponse): Promise<void> {
    const answer = await this.#send(call, outgoing);
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.on('error', () => outgoing.destroy()).pipe(outgoing);
  }

  async #do(call: AwsRequest, outgoing: ServerResponse): Promise<{ status: number; body: Buffer }> {
    const answer = await this.#send(call, outgoing);
    return { status: answer.statusCode ?? 502, body: await buffer(answer) };
  }

  /** A client that gives up takes its call to the emulator with it: an orphaned long poll would eat messages. */
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
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    return answer;
  }
}

function write(outgoing: ServerResponse, answer: HttpAnswer): void {
  outgoing.writeHead(answer.status, answer.headers);
  outgoing.end(answer.body);
}

type PartFailed = Extract<AwsFault, { kind: 'part-failed' }>;
type Entry = { readonly Id: string };
type BatchRequest = { readonly Entries: readonly Entry[] };
type BatchAnswer = { readonly Successful?: readonly unknown[]; readonly Failed?: readonly unknown[] };

/** A batch of SQS without the entries that shall fail, and how their failures join the answer to the rest. */
type PartFailedBatch = {
  /** What is left to be done; undefined when nothing is. */
  readonly rest: Buffer | undefined;
  readonly answer: (answerToRest: Buffer | undefined) => Buffer;
};

/** Undefined when the body is no batch. */
function partFailedBatch(body: Buffer, fault: PartFailed): PartFailedBatch | undefined {
  const request: unknown = JSON.parse(body.toString());
  if (!isBatch(request)) return undefined;
  const strikes = (index: number) => fault.indices.includes(index);
  const left = request.Entries.filter((_, index) => !strikes(index));
  const failed = request.Entries.filter((_, index) => strikes(index)).map(({ Id }) => ({
    Id,
    Code: fault.code ?? 'InternalError',
    Message: 'The entry failed.',
    SenderFault: fault.senderFault ?? false,
  }));
  return {
    rest: left.length > 0 ? Buffer.from(JSON.stringify({ ...request, Entries: left })) : undefined,
    answer: (answerToRest) => {
      const done = answerToRest ? (JSON.parse(answerToRest.toString()) as BatchAnswer) : {};
      return Buffer.from(
        JSON.stringify({ Successful: done.Successful ?? [], Failed: [...(done.Failed ?? []), ...failed] }),
      );
    },
  };
}

function isBatch(value: unknown): value is BatchRequest {
  return typeof value === 'object' && value !== null && 'Entries' in value && Array.isArray(value.Entries);
}

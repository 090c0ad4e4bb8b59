import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DAY_MS } from '../../../lib/common/time.ts';
import {
  type SelfSignedCertificate,
  selfSignedCertificate,
} from '../../../lib/emulators/smtp/certificates.ts';
import { type Clock, systemClock } from '../../../lib/ports/runtime.ts';
import { answerRequest } from './answer-request.ts';
import type { VaultDoubleAnswer } from './vault-answer.ts';
import { type VaultFault, VaultFaults } from './vault-fault.ts';
import { readVaultRequest, type VaultRequest } from './vault-request.ts';
import { VaultState } from './vault-state.ts';

export interface VaultDoubleOptions {
  /** Uses TLS, with its own certificate that no client trusts. @default false */
  readonly tls?: boolean;
  /** The names in the certificate. @default localhost and 127.0.0.1 */
  readonly certificateFor?: string;
  /** @default the system's */
  readonly clock?: Clock;
}

/** A received call, without the written values. */
export type VaultDoubleCall = Pick<VaultRequest, 'method' | 'path' | 'namespace' | 'token'>;

/**
 * A Vault on a free port of 127.0.0.1, in memory: KV v2 and v1 by their HTTP API, tokens with policies, namespaces,
 * sealed and standby. It starts active, with KV v2 at `secret` and the root token `root`.
 */
export class VaultDouble {
  readonly state: VaultState;
  /** All calls so far. */
  readonly calls: VaultDoubleCall[] = [];
  readonly #faults = new VaultFaults();
  readonly #certificate: SelfSignedCertificate | undefined;
  readonly #server: Server;

  private constructor(clock: Clock, certificate: SelfSignedCertificate | undefined) {
    this.state = new VaultState(clock);
    this.state.mount('secret', 'kv-v2');
    this.state.grant('root', 'root');
    const serve = (incoming: IncomingMessage, outgoing: ServerResponse) =>
      void this.#serve(incoming, outgoing);
    this.#certificate = certificate;
    this.#server =
      this.#certificate === undefined
        ? createServer(serve)
        : createTlsServer({ key: this.#certificate.keyPem, cert: this.#certificate.certificatePem }, serve);
  }

  static async start(options: VaultDoubleOptions = {}): Promise<VaultDouble> {
    const { tls = false, certificateFor, clock = systemClock } = options;
    const double = new VaultDouble(clock, tls ? await issueCertificate(certificateFor, clock) : undefined);
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  /** The certificate for a client to trust. */
  get certificatePem(): string {
    if (this.#certificate === undefined) throw new TypeError('the double speaks no TLS');
    return this.#certificate.certificatePem;
  }

  fault(fault: VaultFault): void {
    this.#faults.add(fault);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on('error', () => {});
    try {
      const request = await readVaultRequest(incoming);
      const { method, path, namespace, token } = request;
      this.calls.push({ method, path, namespace, token });
      this.#finish(request, incoming, outgoing);
    } catch (error) {
      // A bug of the double must show in the client at once, not as a hanging call.
      write(outgoing, { status: 500, body: { errors: [`The double failed: ${String(error)}`] } });
    }
  }

  #finish(request: VaultRequest, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const effect = this.#faults.take(request);
    if (effect?.kind === 'silence' || effect?.kind === 'reset') {
      if (effect.done) answerRequest(this.state, request);
      if (effect.kind === 'reset') incoming.socket.resetAndDestroy();
      return;
    }
    if (effect?.kind === 'meanwhile') effect.act();
    write(outgoing, effect?.kind === 'answer' ? effect : answerRequest(this.state, request));
  }
}

function issueCertificate(name: string | undefined, clock: Clock): Promise<SelfSignedCertificate> {
  const now = clock.now();
  return selfSignedCertificate({
    organization: 'Vault double',
    dnsNames: [name ?? 'localhost'],
    loopback: name === undefined,
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + 365 * DAY_MS),
  });
}

function write(outgoing: ServerResponse, { status, body, location }: VaultDoubleAnswer): void {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain' : 'application/json';
  outgoing.writeHead(status, { 'content-type': type, ...(location !== undefined && { location }) });
  outgoing.end(text);
}

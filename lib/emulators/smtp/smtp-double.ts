import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { certificateShown, issueCertificates, type SmtpCertificates, trustBundle } from './certificates.ts';
import { Mailbox, type ReceivedMail } from './received-mail.ts';
import {
  behaviourOf,
  breakAt,
  type SmtpBehaviour,
  type SmtpStage,
  type SmtpStageSet,
} from './smtp-behaviour.ts';
import type { SmtpDoubleConnection } from './smtp-double-connection.ts';
import { SmtpDoubleServer } from './smtp-double-server.ts';

export type SmtpDoubleOptions = {
  /** @default 0, a free port */
  readonly port?: number;
  /** TLS from the first byte, as on port 465. @default false: plain, with STARTTLS */
  readonly implicitTls?: boolean;
  /** How it behaves from the start. @default healthy */
  readonly behaviours?: readonly SmtpBehaviour[];
};

/** Starts an SMTP host on 127.0.0.1 that takes mail, and fails on demand in the ways in which real hosts fail. */
export async function startSmtpDouble(options: SmtpDoubleOptions = {}): Promise<SmtpDouble> {
  const double = new SmtpDouble(options, await issueCertificates(new Date()));
  await double.behave(...(options.behaviours ?? []));
  return double;
}

export class SmtpDouble {
  readonly host = '127.0.0.1';
  readonly #certificates: SmtpCertificates;
  readonly #implicitTls: boolean;
  readonly #listener: SmtpListener;
  readonly #mailbox = new Mailbox();
  readonly #stages = new EventEmitter<Record<SmtpStage, []>>();
  readonly #closing = new AbortController();
  readonly #stage: SmtpStageSet;
  readonly #open = new Set<SmtpDoubleConnection>();
  #behaviours: readonly SmtpBehaviour[] = [];
  #server: SmtpDoubleServer;
  #connections = 0;

  constructor(options: SmtpDoubleOptions, certificates: SmtpCertificates) {
    this.#certificates = certificates;
    this.#implicitTls = options.implicitTls ?? false;
    this.#listener = new SmtpListener(options.port ?? 0, (socket) => this.#accept(socket));
    this.#stage = {
      behaviours: () => this.#behaviours,
      mailbox: this.#mailbox,
      reached: (stage) => this.#stages.emit(stage),
      closing: this.#closing.signal,
    };
    this.#server = this.#newServer();
  }

  get port(): number {
    return this.#listener.port;
  }

  /** What a client is given as `ca` to trust this host's certificates: all three, PEM. */
  get certificatePem(): string {
    return trustBundle(this.#certificates);
  }

  /** The mails that were answered 250, in the order of their final dots. */
  get mails(): readonly ReceivedMail[] {
    return this.#mailbox.taken;
  }

  /** The mails that came whole and got no answer, or none that SMTP knows: a sender cannot tell what became of them. */
  get unanswered(): readonly ReceivedMail[] {
    return this.#mailbox.unanswered;
  }

  /** How many TCP connections were accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Calls the listener with every mail that is taken from now on. */
  subscribe(listener: (mail: ReceivedMail) => void): void {
    this.#mailbox.subscribe(listener);
  }

  /** The first mail that matches, of those that came or that come; rejects when the signal aborts. */
  waitFor(
    matches: (mail: ReceivedMail) => boolean,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReceivedMail> {
    return this.#mailbox.waitFor(matches, options.signal);
  }

  /** Resolves when a connection next comes to the stage, in time to break something else right there. */
  async reached(stage: SmtpStage, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await once(this.#stages, stage, options);
  }

  /**
   * Behaves in all of these ways, and in none of those before; without any, healthily. Open connections follow at
   * their next command, but what EHLO, the greeting and TLS show is seen by new connections only.
   */
  async behave(...behaviours: readonly SmtpBehaviour[]): Promise<void> {
    this.#closing.signal.throwIfAborted();
    this.#behaviours = behaviours;
    this.#server = this.#newServer();
    if (behaviourOf(behaviours, 'blackhole')) this.#silence();
    if (behaviourOf(behaviours, 'refused')) await this.#refuse();
    else await this.#listener.open();
  }

  /** Ends every open connection, as a restart of the host would. */
  dropConnections(by: 'reset' | 'close'): void {
    this.#listener.dropConnections(by);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The SMTP double was closed'));
    await this.#listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #refuse(): Promise<void> {
    // A host that is down from the start has a port too.
    if (this.port === 0) await this.#listener.open();
    await this.#listener.refuse();
  }

  #silence(): void {
    for (const connection of this.#open) connection.breakOff('stall');
  }

  #accept(tcp: Socket): void {
    this.#connections += 1;
    const standing = behaviourOf(this.#behaviours, 'blackhole')
      ? 'stall'
      : breakAt(this.#behaviours, 'connect')?.by;
    if (standing === 'reset') tcp.resetAndDestroy();
    else if (standing === 'close') tcp.end();
    // Read on, or the end of the client would never be noticed.
    if (standing === 'close' || standing === 'stall') tcp.resume();
    if (standing === undefined) this.#converse(tcp);
    this.#stages.emit('connect');
  }

  #converse(tcp: Socket): void {
    const connection = this.#server.converse(tcp, this.#connections);
    this.#open.add(connection);
    tcp.once('close', () => this.#open.delete(connection));
  }

  #newServer(): SmtpDoubleServer {
    return new SmtpDoubleServer({
      stage: this.#stage,
      behaviours: this.#behaviours,
      certificate: certificateShown(this.#certificates, this.#behaviours),
      implicitTls: this.#implicitTls,
    });
  }
}

/** A TCP listener on one port of 127.0.0.1 that can go away and come back on the same port. */
export class SmtpListener {
  readonly #accept: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #held: HeldPort | undefined;
  #port: number;

  /** Port 0 takes a free one at the first `open`. */
  constructor(port: number, accept: (socket: Socket) => void) {
    this.#port = port;
    this.#accept = accept;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ noDelay: true }, (socket) => this.#track(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    await this.#held?.release();
    this.#held = undefined;
  }

  /** From now on connections are refused, and open ones are reset; the port stays ours. */
  async refuse(): Promise<void> {
    if (!this.#server) return;
    await this.#stopListening();
    this.#held = await HeldPort.hold(this.#port);
  }

  async close(): Promise<void> {
    await this.#stopListening();
    await this.#held?.release();
    this.#held = undefined;
  }

  /** Ends every open connection: with an RST, or with a FIN. */
  dropConnections(by: 'reset' | 'close'): void {
    for (const socket of this.#sockets) {
      // libuv refuses to reset a connection whose end is under way, and Node then leaks its handle.
      if (by === 'reset' && !socket.writableEnded) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    this.dropConnections('reset');
    await closed;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    this.#accept(socket);
  }
}

/**
 * Keeps a port of 127.0.0.1 from being given to anybody else while nothing listens on it. A connection that
 * has it as its own end does: who connects to the port is refused, and a listener may come back to it.
 */
export class HeldPort {
  readonly #anchor: Server;
  readonly #socket: Socket;

  private constructor(anchor: Server, socket: Socket) {
    this.#anchor = anchor;
    this.#socket = socket;
  }

  static async hold(port: number): Promise<HeldPort> {
    const anchor = createServer((peer) => peer.on('error', () => {})).listen(0, '127.0.0.1');
    await once(anchor, 'listening');
    const { port: anchorPort } = anchor.address() as AddressInfo;
    const socket = connect({
      port: anchorPort,
      host: '127.0.0.1',
      localPort: port,
      localAddress: '127.0.0.1',
    });
    await once(socket, 'connect');
    return new HeldPort(anchor, socket);
  }

  /** Lets go without a trace: after a reset no end of the connection stays behind in TIME_WAIT. */
  async release(): Promise<void> {
    this.#socket.resetAndDestroy();
    this.#anchor.close();
    await once(this.#anchor, 'close');
  }
}

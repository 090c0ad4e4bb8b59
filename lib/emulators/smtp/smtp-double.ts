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
  /** Initial behaviours. @default healthy */
  readonly behaviours?: readonly SmtpBehaviour[];
};

/** Starts an SMTP server on 127.0.0.1 that accepts mail, and fails on demand like real servers do. */
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

  /** All three certificates as PEM, for a client's `ca` setting. */
  get certificatePem(): string {
    return trustBundle(this.#certificates);
  }

  /** The mails accepted with 250, in order of their final dots. */
  get mails(): readonly ReceivedMail[] {
    return this.#mailbox.taken;
  }

  /** Completely received mails without a valid SMTP reply: for the sender the result is unknown. */
  get unanswered(): readonly ReceivedMail[] {
    return this.#mailbox.unanswered;
  }

  /** Number of TCP connections accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Calls the listener with every mail accepted from now on. */
  subscribe(listener: (mail: ReceivedMail) => void): void {
    this.#mailbox.subscribe(listener);
  }

  /** The first past or future mail that matches; rejects when the signal aborts. */
  waitFor(
    matches: (mail: ReceivedMail) => boolean,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReceivedMail> {
    return this.#mailbox.waitFor(matches, options.signal);
  }

  /** Resolves when the next connection reaches the stage, in time to change behaviours at that point. */
  async reached(stage: SmtpStage, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await once(this.#stages, stage, options);
  }

  /**
   * Replaces all behaviours; without any it is healthy. Open connections follow at their next command, but
   * changes of EHLO, greeting and TLS apply to new connections only.
   */
  async behave(...behaviours: readonly SmtpBehaviour[]): Promise<void> {
    this.#closing.signal.throwIfAborted();
    this.#behaviours = behaviours;
    this.#server = this.#newServer();
    if (behaviourOf(behaviours, 'blackhole')) this.#stallConnections();
    if (behaviourOf(behaviours, 'refused')) await this.#refuse();
    else await this.#listener.open();
  }

  /** Ends all open connections, like a restart of the host. */
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
    // A host that is down from the start needs a port, too.
    if (this.port === 0) await this.#listener.open();
    await this.#listener.refuse();
  }

  #stallConnections(): void {
    for (const connection of this.#open) connection.breakOff('stall');
  }

  #accept(tcp: Socket): void {
    this.#connections += 1;
    const breakBy = behaviourOf(this.#behaviours, 'blackhole')
      ? 'stall'
      : breakAt(this.#behaviours, 'connect')?.by;
    if (breakBy === 'reset') tcp.resetAndDestroy();
    else if (breakBy === 'close') tcp.end();
    // Keep reading, or the client's disconnect would not be noticed.
    if (breakBy === 'close' || breakBy === 'stall') tcp.resume();
    if (breakBy === undefined) this.#startSession(tcp);
    this.#stages.emit('connect');
  }

  #startSession(tcp: Socket): void {
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

/** A TCP listener on 127.0.0.1 that can be stopped and restarted on the same port. */
export class SmtpListener {
  readonly #accept: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #heldPort: HeldPort | undefined;
  #port: number;

  /** With port 0, the first `open` selects a free port. */
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
    await this.#heldPort?.release();
    this.#heldPort = undefined;
  }

  /** Refuses new connections and resets open ones; the port stays reserved. */
  async refuse(): Promise<void> {
    if (!this.#server) return;
    await this.#stopListening();
    this.#heldPort = await HeldPort.hold(this.#port);
  }

  async close(): Promise<void> {
    await this.#stopListening();
    await this.#heldPort?.release();
    this.#heldPort = undefined;
  }

  /** Ends all open connections with RST or FIN. */
  dropConnections(by: 'reset' | 'close'): void {
    for (const socket of this.#sockets) {
      // libuv refuses to reset a connection that is being ended, and Node then leaks its handle.
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
 * Reserves a port of 127.0.0.1 while nothing listens on it, by a connection with that local port: connections
 * to the port are refused, no other process gets it, and a listener can reopen it.
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

  /** Resets the connection, so that neither end stays in TIME_WAIT. */
  async release(): Promise<void> {
    this.#socket.resetAndDestroy();
    this.#anchor.close();
    await once(this.#anchor, 'close');
  }
}

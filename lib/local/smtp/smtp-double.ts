import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { Mailbox, type ReceivedMail } from './received-mail.ts';
import { behaviourOf, breakAt, type SmtpBehaviour, type SmtpStage } from './smtp-behaviour.ts';
import {
  certificateShown,
  issueCertificates,
  type SmtpCertificates,
  trustBundle,
} from './smtp-certificates.ts';
import type { SmtpDoubleConnection } from './smtp-double-connection.ts';
import { SmtpDoubleServer } from './smtp-double-server.ts';
import { SmtpListener } from './smtp-listener.ts';
import type { SmtpStageSet } from './smtp-stage.ts';

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
  const double = new SmtpDouble(options);
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

  constructor(options: SmtpDoubleOptions) {
    this.#certificates = issueCertificates(new Date());
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

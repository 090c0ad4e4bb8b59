import type { Socket } from 'node:net';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerAuthentication,
  type SMTPServerAuthenticationResponse,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { isWithinDomain } from '../domain/address.ts';
import { MAX_CONTENT_BYTES } from '../domain/limits.ts';
import type { Log } from '../ports/runtime.ts';
import type { Certificate } from './certificate-files.ts';
import type { ClientLimits } from './client-limits.ts';
import type { Networks } from './networks.ts';
import type { RelayObserver } from './observer.ts';
import type { MailReceiver } from './receive-mail.ts';
import {
  foreignReply,
  NO_ROOM,
  nullSenderReply,
  parameterReply,
  problemOf,
  type Reply,
  recipientReply,
} from './replies.ts';
import type { CompleteRelaySettings } from './settings.ts';
import type { UserCheck } from './users.ts';

export interface RelayServerDeps {
  readonly settings: CompleteRelaySettings;
  readonly name: string;
  readonly certificate: Certificate | undefined;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  readonly networks: Networks;
  readonly users: UserCheck;
  readonly limits: ClientLimits;
  readonly receiver: MailReceiver;
  readonly observer: RelayObserver;
  readonly log: Log;
}

type Done = (error?: Error | null) => void;
type AuthDone = (error: Error | null | undefined, response?: SMTPServerAuthenticationResponse) => void;

/** What smtp-server knows, and a relay must not do: jokes of old, and other clients' addresses at their word. */
const NEVER = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];

/** A reply that is no success, as smtp-server wants it. */
class ReplyError extends Error {
  readonly responseCode: number;

  constructor({ code, text }: Reply) {
    super(text);
    this.responseCode = code;
  }
}

const refuse = (code: number, text: string) => new ReplyError({ code, text });

/**
 * One listener of the relay: who may send, from whom and to whom, before the mail itself comes.
 *
 * It is no open relay: a client is in one of the networks or has logged in, and the sender is of the domain.
 */
export class RelayServer extends SMTPServer {
  readonly #deps: RelayServerDeps;
  #isDraining = false;

  constructor(deps: RelayServerDeps) {
    super(optionsOf(deps));
    this.#deps = deps;
    // Broken connections and handshakes are the clients' matter, and the message may quote what they sent.
    this.on('error', (error) => deps.log.info('client-error', { code: codeOf(error) }));
  }

  get mailTimeoutMs(): number {
    return this.#deps.settings.mailTimeoutMs;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  override connect(socket: Socket, options?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    const { limits, settings, observer } = this.#deps;
    const address = socket.remoteAddress ?? '';
    // A client that is gone before it is greeted has no address.
    const isFull = this.connections.size >= settings.maxConnections;
    if (address === '' || isFull || !limits.connect(address)) {
      observer.turnedAway(isFull ? 'connections' : 'client-connections');
      turnAway(socket, isFull ? 'too many connections' : 'too many connections from you');
      return;
    }
    observer.connected(1);
    socket.once('close', () => {
      limits.disconnect(address);
      observer.connected(-1);
    });
    const connection = new RelayConnection(this, socket, options ?? {});
    this.connections.add(connection);
    connection.on('error', (error: unknown) => this.emit('error', error));
    connection.init();
  }

  override onConnect(session: SMTPServerSession, done: Done): void {
    this.#allowAuth(session);
    if (this.#isTrusted(session) || this.#deps.users.hasUsers) {
      done();
      return;
    }
    this.#deps.observer.turnedAway('network');
    this.#deps.log.warn('client-refused', { client: session.remoteAddress });
    done(refuse(554, '5.7.1 your address is in none of the networks that may send here'));
  }

  override onSecure(_socket: unknown, session: SMTPServerSession, done: Done): void {
    this.#allowAuth(session);
    done();
  }

  /** Only over TLS: before that, AUTH is not even offered. */
  #allowAuth(session: SMTPServerSession): void {
    const { users, certificate } = this.#deps;
    session.disabledCommands = [
      ...NEVER,
      ...(users.hasUsers && session.secure ? [] : ['AUTH']),
      ...(certificate === undefined ? ['STARTTLS'] : []),
    ];
  }

  override onAuth(
    { method, username = '', password }: SMTPServerAuthentication,
    session: SMTPServerSession,
    done: AuthDone,
  ): void {
    const { users, limits, observer, log } = this.#deps;
    const { remoteAddress: client } = session;
    if ((method !== 'PLAIN' && method !== 'LOGIN') || limits.hasTooManyWrongPasswords(client)) {
      done(refuse(454, '4.7.0 too many wrong passwords from you, try again in a minute'));
      return;
    }
    users.isRight(username, password ?? '').then(
      (isRight) => {
        if (isRight) {
          done(null, { user: username });
          return;
        }
        limits.wrongPassword(client);
        observer.turnedAway('password');
        log.warn('wrong-password', { client });
        done(refuse(535, '5.7.8 user or password is wrong'));
      },
      () => done(refuse(454, '4.7.0 the password cannot be checked now')),
    );
  }

  override onMailFrom({ address, args }: SMTPServerAddress, session: SMTPServerSession, done: Done): void {
    const reply =
      this.#senderReply(address, session) ??
      parameterReply(args, [
        'SIZE',
        'BODY',
        'SMTPUTF8',
        'AUTH',
        ...(this.#isBehind ? [] : ['RET', 'ENVID']),
      ]) ??
      this.#roomReply(Number(args ? args.SIZE : 0), session);
    this.#answer(reply, 'MAIL', session, done);
  }

  override onRcptTo({ address, args }: SMTPServerAddress, session: SMTPServerSession, done: Done): void {
    const reply = recipientReply(address) ?? parameterReply(args, this.#isBehind ? [] : ['NOTIFY', 'ORCPT']);
    this.#answer(reply, 'RCPT', session, done);
  }

  get #isBehind(): boolean {
    return this.#deps.settings.upstream.host === undefined;
  }

  override onData(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    done: (error?: Error | null, message?: string) => void,
  ): void {
    this.#deps.receiver.receive(stream, session).then(
      (reply) => {
        // The client broke off within the mail: no reply can reach it.
        if (reply === undefined) return;
        if (reply.code !== 250) this.#report(reply, 'DATA', session);
        if (reply.code === 250) done(null, reply.text);
        else done(new ReplyError(reply));
      },
      (error: unknown) => {
        this.#deps.log.error('relay-failed', { code: codeOf(error) });
        done(refuse(451, '4.3.0 internal error, try again later'));
      },
    );
  }

  #answer(reply: Reply | undefined, command: 'MAIL' | 'RCPT', session: SMTPServerSession, done: Done): void {
    if (reply !== undefined) this.#report(reply, command, session);
    done(reply && new ReplyError(reply));
  }

  #isTrusted({ remoteAddress, user }: SMTPServerSession): boolean {
    return Boolean(user) || this.#deps.networks.has(remoteAddress);
  }

  #senderReply(address: string, session: SMTPServerSession): Reply | undefined {
    const { settings, limits } = this.#deps;
    if (!this.#isTrusted(session)) return { code: 530, text: '5.7.0 authentication required' };
    if (address === '') return nullSenderReply(this.#isBehind);
    const problem = problemOf(address);
    if (problem !== undefined) return { code: 553, text: `5.1.7 the sender cannot be used: ${problem}` };
    if (!isWithinDomain(address, settings.fallback.domain))
      return foreignReply(settings, `the sender is not of ${settings.fallback.domain}`);
    if (!limits.beginMail(session.remoteAddress))
      return { code: 450, text: '4.7.1 too many mails from you, try again in a minute' };
    return undefined;
  }

  /** With SIZE, it is said before the mail is sent for nothing. */
  #roomReply(bytes: number, { remoteAddress }: SMTPServerSession): Reply | undefined {
    return this.#deps.limits.hasRoom(remoteAddress, Number.isFinite(bytes) ? bytes : 0) ? undefined : NO_ROOM;
  }

  #report({ code, text }: Reply, command: 'MAIL' | 'RCPT' | 'DATA', session: SMTPServerSession): void {
    this.#deps.observer.replied(code);
    // The text after the enhanced code may quote an address.
    const enhancedStatus = /^\d\.\d{1,3}\.\d{1,3}/.exec(text)?.[0];
    this.#deps.log.warn('mail-refused', {
      client: session.remoteAddress,
      session: session.id,
      command,
      reply: code,
      enhancedStatus,
    });
  }

  /** Accepts no more connections and mails; those in progress are finished within the time. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    this.options.closeTimeout = Math.max(timeoutMs, 1);
    const closed = new Promise<void>((resolve) => this.close(() => resolve()));
    for (const connection of this.connections) {
      if (connection instanceof RelayConnection) connection.closeIfIdle();
    }
    await closed;
  }
}

function turnAway(socket: Socket, why: string): void {
  socket.on('error', () => {});
  socket.end(`421 4.7.0 ${why}, try again later\r\n`);
  socket.setTimeout(TURN_AWAY_MS, () => socket.destroy());
  socket.resume();
}

/** A client that is turned away gets this long to read why. */
const TURN_AWAY_MS = 1_000;

function optionsOf({ settings, name, certificate, implicitTls }: RelayServerDeps) {
  const isBehind = settings.upstream.host === undefined;
  return {
    name,
    secure: implicitTls,
    ...(certificate === undefined ? {} : { ...certificate }),
    disabledCommands: NEVER,
    authMethods: ['PLAIN', 'LOGIN'],
    authOptional: true,
    size: MAX_CONTENT_BYTES,
    rejectOversized: true,
    maxRecipients: settings.maxRecipients,
    // Before TLS is up, smtp-server limits the handshakes by this.
    maxClients: settings.maxConnections,
    socketTimeout: settings.idleTimeoutMs,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    // SES has no DSN: a mail server that asks for a report writes it by itself where the next one does not offer it.
    hideDSN: isBehind,
    // Nothing of a mail is logged: smtp-server would log commands, and so addresses.
    logger: false,
  };
}

/** One session. */
class RelayConnection extends SMTPConnection {
  readonly #server: RelayServer;
  #deadline: NodeJS.Timeout | undefined;

  constructor(server: RelayServer, socket: Socket, options: ConstructorParameters<typeof SMTPConnection>[2]) {
    super(server, socket, options);
    this.#server = server;
  }

  /** Without smtp-server's delay of 100 ms, which detects senders of spam: clients here are known. */
  override init(): void {
    this.#deadline = setTimeout(() => this.#onDeadline(), this.#server.mailTimeoutMs).unref();
    this._socket.once('close', () => clearTimeout(this.#deadline));
    this._setListeners(() => this.connectionReady());
  }

  /** Our own texts begin with their enhanced status code. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const hasOwn = typeof data === 'string' && /^[245]\.\d{1,3}\.\d{1,3} /.test(data);
    super.send(code, data, hasOwn ? false : context);
    // The reply to a mail ends its time, and begins that of the next one.
    if (code !== 354 && this._dataStream === false && !this._closing) this.#afterReply(code);
  }

  #afterReply(code: number): void {
    if (this.#answersMail) {
      this.#answersMail = false;
      this.#deadline?.refresh();
      if (this.#server.isDraining && code !== 421) this.closeIfIdle();
    }
  }

  #answersMail = false;

  override _onCommand(command: Buffer, callback?: () => void): void {
    if (/^DATA\s*$/i.test(command.toString('latin1'))) this.#answersMail = true;
    super._onCommand(command, callback);
  }

  /** Ends the session if no mail is in progress. */
  closeIfIdle(): void {
    if (this._dataStream || this._handlerPending) return;
    this.send(421, '4.3.2 the relay stops, try again');
  }

  /** A client that sends a byte now and then is never idle, and would keep its place for ever. */
  #onDeadline(): void {
    const isOurTurn =
      this._handlerPending || (this._dataStream && this._parser && !isReceiving(this._parser));
    if (isOurTurn) {
      this.#deadline?.refresh();
      return;
    }
    this.send(421, '4.4.2 it took too long, closing the connection');
    this._socket.destroySoon();
  }
}

/** smtp-server keeps to itself whether the mail is still coming. */
function isReceiving(parser: object): boolean {
  return '_dataMode' in parser && parser._dataMode === true;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}

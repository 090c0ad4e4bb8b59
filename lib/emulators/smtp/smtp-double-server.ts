import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerAuthentication,
  type SMTPServerAuthenticationResponse,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server';
import type { SelfSignedCertificate } from './certificates.ts';
import type { ReceivedMail } from './received-mail.ts';
import {
  behaviourOf,
  breakAt,
  isRefusal,
  type SmtpBehaviour,
  type SmtpExtension,
  SmtpRefusalError,
  type SmtpStageSet,
} from './smtp-behaviour.ts';
import { SmtpDoubleConnection } from './smtp-double-connection.ts';

type Done = (error?: Error | null) => void;
type AuthDone = (error: Error | null | undefined, response?: SMTPServerAuthenticationResponse) => void;
type Reply = { readonly kind: 'reply'; readonly error?: Error } | { readonly kind: 'none' };

/**
 * The SMTP server behind the double's listener. EHLO and TLS settings are fixed at construction; replies to
 * mail are read from the stage set each time.
 */
export class SmtpDoubleServer extends SMTPServer {
  readonly #stage: SmtpStageSet;
  readonly #connections = new WeakMap<SMTPServerSession, SmtpDoubleConnection>();

  constructor(settings: {
    readonly stage: SmtpStageSet;
    readonly behaviours: readonly SmtpBehaviour[];
    readonly certificate: SelfSignedCertificate;
    readonly implicitTls: boolean;
  }) {
    super(smtpServerOptions(settings));
    this.#stage = settings.stage;
    // Broken connections are expected here.
    this.on('error', () => {});
  }

  /** Starts an SMTP session on an accepted TCP connection. */
  converse(tcp: Socket, ordinal: number): SmtpDoubleConnection {
    const connection = new SmtpDoubleConnection(this, tcp, ordinal, this.#stage);
    this.#connections.set(connection.session, connection);
    this.connections.add(connection);
    connection.on('error', () => {});
    connection.init();
    return connection;
  }

  override onAuth(auth: SMTPServerAuthentication, _session: SMTPServerSession, done: AuthDone): void {
    const refused = behaviourOf(this.#stage.behaviours(), 'auth-refused');
    const account = behaviourOf(this.#stage.behaviours(), 'auth-required')?.account;
    const wrong = account && (account.user !== auth.username || account.pass !== auth.password);
    if (refused || wrong) {
      done(new SmtpRefusalError(refused?.reply ?? '535 5.7.8 Error: authentication failed'));
      return;
    }
    done(null, { user: auth.username });
  }

  override onMailFrom(_address: SMTPServerAddress, _session: SMTPServerSession, done: Done): void {
    const refused = behaviourOf(this.#stage.behaviours(), 'sender-refused');
    done(refused && new SmtpRefusalError(refused.reply));
  }

  override onRcptTo(recipient: SMTPServerAddress, _session: SMTPServerSession, done: Done): void {
    const behaviours = this.#stage.behaviours();
    const denied = behaviourOf(behaviours, 'relay-denied');
    const chosen = behaviourOf(behaviours, 'recipients-refused');
    const reply = denied
      ? (denied.reply ?? '554 5.7.1 Relay access denied')
      : chosen?.replies[recipient.address.toLowerCase()];
    done(reply === undefined ? null : new SmtpRefusalError(reply));
  }

  override onData(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    done: (error?: Error | null, message?: string) => void,
  ): void {
    const connection = this.#connections.get(session);
    if (!connection) return;
    this.#receive(stream, session, connection).then(
      (reply) => {
        if (reply.kind === 'none') return;
        done(reply.error ?? null, `2.0.0 Ok: queued as ${this.#stage.mailbox.taken.length}`);
        const drops = behaviourOf(this.#stage.behaviours(), 'drops-idle');
        if (drops) connection.dropIdle(drops.by, drops.when);
      },
      () => {
        // The client or a break ended the connection within the message: no reply is possible.
      },
    );
  }

  async #receive(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    connection: SmtpDoubleConnection,
  ): Promise<Reply> {
    const raw = await this.#readMessage(stream, connection);
    if (raw === 'broken') return { kind: 'none' };
    const mail = receivedMail(raw, session, connection.ordinal);
    const limit = behaviourOf(this.#stage.behaviours(), 'size-limit');
    if (limit && raw.length > limit.bytes) {
      return refuse(new SmtpRefusalError('552 5.3.4 Error: message file too big'));
    }
    if (connection.reach('final-dot') === 'broken') {
      this.#stage.mailbox.leaveUnanswered(mail);
      return { kind: 'none' };
    }
    const reply = behaviourOf(this.#stage.behaviours(), 'final-reply')?.reply;
    if (reply === undefined) {
      this.#stage.mailbox.take(mail);
      return { kind: 'reply' };
    }
    if (isRefusal(reply)) return refuse(new SmtpRefusalError(reply));
    this.#stage.mailbox.leaveUnanswered(mail);
    connection.sendLine(reply);
    return { kind: 'none' };
  }

  async #readMessage(
    stream: SMTPServerDataStream,
    connection: SmtpDoubleConnection,
  ): Promise<Buffer | 'broken'> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let inBody = false;
    // Do not destroy on early exit: the parser of a stalled connection would treat it as the client's end.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      bytes += chunk.length;
      const behaviours = this.#stage.behaviours();
      const breakAfter = breakAt(behaviours, 'body')?.afterBytes ?? 1;
      if (!inBody && bytes >= breakAfter) {
        inBody = true;
        if (connection.reach('body') === 'broken') return 'broken';
      }
      const slow = behaviourOf(behaviours, 'slow');
      if (slow) await this.#pace(chunk.length, slow.bytesPerSecond);
    }
    return Buffer.concat(chunks);
  }

  async #pace(bytes: number, bytesPerSecond: number): Promise<void> {
    await delay((bytes / bytesPerSecond) * 1000, undefined, { signal: this.#stage.closing });
  }
}

function refuse(error: Error): Reply {
  return { kind: 'reply', error };
}

function receivedMail(raw: Buffer, session: SMTPServerSession, connection: number): ReceivedMail {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    at: new Date(),
    from: mailFrom ? mailFrom.address : '',
    to: rcptTo.map((recipient) => recipient.address),
    raw,
    esmtp: { from: mailFrom ? mailFrom.args || {} : {}, to: rcptTo.map(({ args }) => args || {}) },
    secure: session.secure,
    user: typeof session.user === 'string' ? session.user : undefined,
    connection,
  };
}

/** A stalled session must outlast the client's timeout, not end with smtp-server's own 421. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

function smtpServerOptions(settings: {
  readonly behaviours: readonly SmtpBehaviour[];
  readonly certificate: SelfSignedCertificate;
  readonly implicitTls: boolean;
}): SMTPServerOptions {
  const { behaviours, certificate, implicitTls } = settings;
  const isHidden = (extension: SmtpExtension) =>
    behaviourOf(behaviours, 'without')?.extensions.includes(extension) ?? false;
  const authIsRequired = behaviours.some(({ kind }) => kind === 'auth-required' || kind === 'auth-refused');
  return {
    name: 'localhost',
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    secure: implicitTls,
    needsUpgrade: implicitTls,
    logger: false,
    disableReverseLookup: true,
    socketTimeout: NO_TIMEOUT_MS,
    maxAllowedUnauthenticatedCommands: false,
    allowInsecureAuth: true,
    authOptional: !authIsRequired,
    authRequiredMessage: '5.7.0 Authentication required',
    disabledCommands: (['STARTTLS', 'AUTH'] as const).filter(isHidden),
    hidePIPELINING: isHidden('PIPELINING'),
    hideSMTPUTF8: isHidden('SMTPUTF8'),
    hide8BITMIME: isHidden('8BITMIME'),
    hideDSN: isHidden('DSN'),
    ...advertisedSize(behaviours),
  };
}

/** smtp-server advertises any size limit that is set, so an unadvertised limit is not set there. */
function advertisedSize(behaviours: readonly SmtpBehaviour[]): { size?: number } {
  const limit = behaviourOf(behaviours, 'size-limit');
  return limit?.advertised ? { size: limit.bytes } : {};
}

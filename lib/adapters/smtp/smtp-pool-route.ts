import { types } from 'node:util';
import type { NodemailerError, SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';
import nodemailer from 'nodemailer';
import MailMessage from 'nodemailer/lib/mailer/mail-message';
import type { Delivery } from '../../domain/delivery.ts';
import type { DsnRequest } from '../../domain/dsn.ts';
import type { Failure } from '../../domain/failure.ts';
import { type Clock, systemClock } from '../../ports/runtime.ts';
import type { RefusedRecipient, SmtpResult, SmtpRoute } from '../../ports/senders.ts';
import { classifyFailure } from './classify-failure.ts';
import { HostConnector, type HostConnectorDeps } from './host-connector.ts';
import { ObservedMessage } from './observed-message.ts';

/**
 * A connection that the server closed while idle says nothing about the next one; two more are tried. The
 * pool does so only if no byte of the message was sent.
 */
const MAX_REQUEUES = 2;

/**
 * Mails over one connection; then a new one, which a load balancer may lead elsewhere. nodemailer's 100 is a handshake for
 * every second of a fast server. A server that wants fewer says so with 421, and the mail goes over another connection.
 */
const MAX_MESSAGES = 1_000;

type PoolResult =
  | { readonly kind: 'info'; readonly info: SMTPPoolSentMessageInfo }
  | { readonly kind: 'error'; readonly error: NodemailerError };

/** Sends deliveries to one SMTP server over a connection pool. */
export class SmtpPoolRoute implements SmtpRoute {
  readonly #transporter: Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions>;
  readonly #sendTimeoutMs: number;
  readonly #clock: Clock;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(settings: SmtpSettings, deps: HostConnectorDeps = {}) {
    this.#transporter = nodemailer.createTransport({
      ...poolOptions(settings),
      getSocket: socketSource(settings, deps, this.#closing.signal),
    });
    this.#sendTimeoutMs = settings.sendTimeoutMs;
    this.#clock = deps.clock ?? systemClock;
  }

  async send(delivery: Delivery, options: { readonly abandon?: AbortSignal } = {}): Promise<SmtpResult> {
    const sending = this.#sendDelivery(delivery, options.abandon);
    this.#inFlight.add(sending);
    try {
      return await sending;
    } finally {
      this.#inFlight.delete(sending);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    this.#closing.abort();
    this.#transporter.close();
  }

  async verify(): Promise<Failure | undefined> {
    try {
      await this.#transporter.verify();
      return undefined;
    } catch (error) {
      return classifyFailure(asNodemailerError(error), 'waiting', this.#clock.now());
    }
  }

  async #sendDelivery(delivery: Delivery, abandon: AbortSignal | undefined): Promise<SmtpResult> {
    const message = new ObservedMessage(delivery);
    const givenUp = new AbortController();
    const giveUpWaiting = () => {
      if (message.progress === 'waiting') givenUp.abort(abandon?.reason);
    };
    abandon?.addEventListener('abort', giveUpWaiting);
    // A signal of its own for the time limit, and one for both, would cost more than this timer.
    const timer = setTimeout(() => givenUp.abort(), this.#sendTimeoutMs);
    const result = await this.#send(message, delivery.dsn, givenUp.signal);
    clearTimeout(timer);
    abandon?.removeEventListener('abort', giveUpWaiting);
    if (result.kind === 'error') return this.#failed(delivery, message, result.error);
    const { response, accepted } = result.info;
    return { kind: 'taken', taken: { response, recipients: accepted }, refused: this.#refusedOf(message) };
  }

  /** Passes the message to the pool directly: nodemailer's sendMail would compose it again. */
  #send(message: ObservedMessage, dsn: DsnRequest | undefined, signal: AbortSignal): Promise<PoolResult> {
    const mail = new MailMessage<SMTPPoolSentMessageInfo>(this.#transporter, {
      signal,
      // The pool leaves it out if the server does not offer DSN.
      ...(dsn === undefined ? {} : { dsn: { ...dsn, notify: dsn.notify?.join(',') } }),
    });
    mail.message = message;
    return new Promise((resolve) => {
      this.#transporter.transporter.send(mail, (error, info) => {
        if (info !== undefined) resolve({ kind: 'info', info });
        else resolve({ kind: 'error', error: error ?? new Error('the SMTP pool gave no answer') });
      });
    });
  }

  #failed(delivery: Delivery, message: ObservedMessage, error: NodemailerError): SmtpResult {
    const refused = this.#refusedOf(message);
    const refusedAddresses = new Set(refused.map(({ address }) => address));
    return {
      kind: 'failed',
      failure: classifyFailure(error, message.progress, this.#clock.now()),
      failed: delivery.to.filter((recipient) => !refusedAddresses.has(recipient)),
      refused,
    };
  }

  #refusedOf(message: ObservedMessage): RefusedRecipient[] {
    return message.refusals.map((error) => ({
      address: error.recipient ?? '',
      failure: classifyFailure(error, 'envelope', this.#clock.now()),
    }));
  }
}

/** nodemailer rejects only with its own errors. */
function asNodemailerError(error: unknown): NodemailerError {
  return types.isNativeError(error) ? error : new Error(String(error));
}

/**
 * The pool's connections. nodemailer would ask the DNS before /etc/hosts and remember the answer for five
 * minutes, and with it the address of a host that is gone.
 */
function socketSource(
  settings: SmtpSettings,
  deps: HostConnectorDeps,
  closing: AbortSignal,
): NonNullable<SMTPPoolOptions['getSocket']> {
  const connector = new HostConnector(settings, deps);
  return (_options, callback) => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(settings.connectTimeoutMs)]);
    connector.connect(signal).then((connection) => callback(null, { connection }), callback);
  };
}

function poolOptions(settings: SmtpSettings): SMTPPoolOptions & { pool: true } {
  const { user, password } = settings;
  return {
    pool: true,
    host: settings.host,
    port: settings.port,
    secure: settings.secure,
    requireTLS: settings.requireTls,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    tls: {
      rejectUnauthorized: settings.tlsRejectUnauthorized,
      ...(settings.tlsCa === undefined ? {} : { ca: settings.tlsCa }),
    },
    connectionTimeout: settings.connectTimeoutMs,
    greetingTimeout: settings.greetingTimeoutMs,
    socketTimeout: settings.socketTimeoutMs,
    maxConnections: settings.maxConnections,
    maxMessages: MAX_MESSAGES,
    maxRequeues: MAX_REQUEUES,
  };
}

/** How the API connects to its own mail server. All times in milliseconds. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (port 465); otherwise STARTTLS if the server offers it. */
  readonly secure: boolean;
  /** Send nothing if the server does not offer STARTTLS. */
  readonly requireTls: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tlsRejectUnauthorized: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly tlsCa?: string | undefined;
  /** From the DNS lookup to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
  readonly greetingTimeoutMs: number;
  /** A socket that is idle for this long is closed. */
  readonly socketTimeoutMs: number;
  /** The whole send, including the wait for a free connection: limits a very slow server. */
  readonly sendTimeoutMs: number;
  readonly maxConnections: number;
}

import nodemailer, {
  type NodemailerError,
  type SMTPPoolOptions,
  type SMTPPoolSentMessageInfo,
  type Transporter,
} from 'nodemailer';
import MailMessage from 'nodemailer/lib/mailer/mail-message';
import type { Delivery } from '../../message/delivery.ts';
import { type Clock, systemClock } from '../../ports/clock.ts';
import type { RefusedRecipient, SmtpAnswer, SmtpRoute } from '../../ports/smtp-route.ts';
import { classifyFailure } from './classify-failure.ts';
import { ObservedMessage } from './observed-message.ts';
import type { SmtpSettings } from './smtp-settings.ts';

/**
 * A connection that the server closed while it idled says nothing about the next one; two more are tried. The
 * pool does so only where no byte of the message was sent.
 */
const MAX_REQUEUES = 2;

type PoolResult =
  | { readonly kind: 'info'; readonly info: SMTPPoolSentMessageInfo }
  | { readonly kind: 'error'; readonly error: NodemailerError };

/** Offers deliveries to one SMTP server over a pool of kept connections. */
export class SmtpPoolRoute implements SmtpRoute {
  readonly #transporter: Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions>;
  readonly #sendTimeoutMs: number;
  readonly #clock: Clock;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(settings: SmtpSettings, clock: Clock = systemClock) {
    this.#transporter = nodemailer.createTransport(poolOptions(settings));
    this.#sendTimeoutMs = settings.sendTimeoutMs;
    this.#clock = clock;
  }

  async send(delivery: Delivery): Promise<SmtpAnswer> {
    const sending = this.#offer(delivery);
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.#transporter.close();
  }

  async #offer(delivery: Delivery): Promise<SmtpAnswer> {
    const message = new ObservedMessage(delivery);
    const result = await this.#send(message);
    if (result.kind === 'error') return this.#failed(delivery, message, result.error);
    const { response, accepted } = result.info;
    return { kind: 'taken', taken: { response, recipients: accepted }, refused: this.#refusedOf(message) };
  }

  /** Hands the message to the pool itself: nodemailer's front would compose it anew. */
  #send(message: ObservedMessage): Promise<PoolResult> {
    const deadline = AbortSignal.timeout(this.#sendTimeoutMs);
    const mail = new MailMessage<SMTPPoolSentMessageInfo>(this.#transporter, { signal: deadline });
    mail.message = message;
    return new Promise((resolve) => {
      this.#transporter.transporter.send(mail, (error, info) => {
        if (info !== undefined) resolve({ kind: 'info', info });
        else resolve({ kind: 'error', error: error ?? new Error('the SMTP pool gave no answer') });
      });
    });
  }

  #failed(delivery: Delivery, message: ObservedMessage, error: NodemailerError): SmtpAnswer {
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
    dnsTimeout: settings.connectTimeoutMs,
    maxConnections: settings.maxConnections,
    maxRequeues: MAX_REQUEUES,
  };
}

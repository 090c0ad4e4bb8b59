import { createHash, randomUUID } from 'node:crypto';
import type { SendMailOptions } from 'nodemailer';
import { awsErrorCode, isAwsMisconfiguration } from '../adapters/aws-client.ts';
import { findNonAddresses, MailComposer } from '../adapters/mime/compose-mail.ts';
import type { MimeResult } from '../adapters/mime/compose-message.ts';
import type { Delivery, RefusedAddress } from '../domain/delivery.ts';
import { stampField } from '../domain/delivery-stamp.ts';
import type { Failure } from '../domain/failure.ts';
import type { Attempted, FallbackFailure, Outcome, Refused } from '../domain/outcome.ts';
import { validateSender } from '../domain/sender.ts';
import type { Clock } from '../ports/runtime.ts';
import type { BreakerState, CircuitBreakerRoute } from './circuit-breaker.ts';
import {
  type ComposeResult,
  composeDelivery,
  type DeliveryRequest,
  validateDelivery,
} from './compose-delivery.ts';
import { type DeliverDeps, deliver, deliverBySqs, deliverOrReject, type Rejected } from './deliver.ts';
import { type CheckFallbackDeps, checkFallback } from './hand-over.ts';

/** Optional fields of a mail besides nodemailer's own. */
export interface MailExtras {
  /** The idempotency key, 1 to 128 printable ASCII characters. @default the Message-ID */
  readonly id?: string | undefined;
  /** The owner of the mail; the queue is fair between tenants. */
  readonly tenantId?: string | undefined;
  /** After this time the mail is not sent. @default four days from now */
  readonly expiresAt?: Date | undefined;
  /** SES message tags: names and values of letters, digits, `_` and `-`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether a person waits for the mail, such as a one-time code: in the fallback no backlog of other mail delays it.
   * nodemailer's own `priority` is something else: a header that the recipient's program may show.
   * @default false
   */
  readonly urgent?: boolean | undefined;
}

/** nodemailer's message plus the pipeline's fields. */
export type Mail = SendMailOptions & MailExtras;

/** Sends mail by SMTP, and by the queue if SMTP does not accept it. */
export interface Mailer {
  /**
   * Composes a mail, sends it by SMTP and hands over what SMTP did not accept. Resolves with the outcome; a
   * failure of the mail server, the queue or S3 is never an exception.
   *
   * @throws if an attachment cannot be read; {@link MailerClosedError} after `close`
   */
  send(mail: Mail): Promise<Outcome>;
  /** The first half of `send`: for callers that keep the composed mail and retry later. */
  compose(mail: Mail): Promise<ComposeResult>;
  /**
   * The second half of `send`. A delivery may be narrowed to the recipients that are still owed.
   *
   * @throws {@link MailerClosedError} after `close`
   */
  deliver(delivery: Delivery): Promise<Attempted | Refused>;
  /**
   * Hands over without trying SMTP, for a caller that already knows why SMTP did not accept the mail, or may
   * have. A failure of the class `unknown` is held if the settings say so.
   *
   * @param failure by default, that SMTP is down
   * @throws {@link MailerClosedError} after `close`
   */
  handOver(delivery: Delivery, failure?: Failure): Promise<Attempted | Refused>;
  /**
   * Whether queue and bucket would accept a mail now, with the permissions of the key; empty if they would. Sends no
   * mail. Call it at the start, so that a wrong setting shows before an outage.
   */
  verifyFallback(): Promise<readonly FallbackFailure[]>;
  /** `open` while the mail server is down and mails go straight to the queue. */
  readonly smtpState: BreakerState;
  /** Refuses new mail, waits for every `send` that was called before, and closes the connections. */
  close(): Promise<void>;
}

/** A mail was given to a mailer after `close`. It was not sent, and stays with the caller. */
export class MailerClosedError extends Error {
  override readonly name = 'MailerClosedError';
  readonly code = 'ECLOSED';

  constructor() {
    super('the mailer is closed: this mail was neither sent nor handed over');
  }
}

/** A mail that the fallback would refuse for its sender. */
export interface ForeignSender {
  readonly deliveryId: string;
  /** Which sender, by its domain. */
  readonly detail: string;
}

export interface MailerDeps extends Omit<CompleteDeps, 'describeError' | 'isMisconfiguration'> {
  readonly smtp: CircuitBreakerRoute;
  readonly clock: Clock;
  readonly timeToLiveMs: number;
  /** The domain that SES sends for; undefined if it is not known. */
  readonly domain: string | undefined;
  /** Keys of the stamp that SMTP gets; without one, there is none. */
  readonly idKeys: readonly string[];
  /** Called for each mail that the fallback would refuse for its sender. */
  readonly onForeignSender: (mail: ForeignSender) => void;
}

type CompleteDeps = DeliverDeps & CheckFallbackDeps;

/** The mailer over injected ports; `createMailer` injects the real ones. */
export class FallbackMailer implements Mailer {
  readonly #deps: MailerDeps & CompleteDeps;
  readonly #composer = new MailComposer('files-and-urls');
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(deps: MailerDeps) {
    this.#deps = { ...deps, describeError: awsErrorCode, isMisconfiguration: isAwsMisconfiguration };
  }

  send(mail: Mail): Promise<Outcome> {
    return this.#whileOpen(async () => {
      const composed = await this.compose(mail);
      return composed.kind === 'delivery' ? this.#deliver(composed.delivery) : composed;
    });
  }

  /** `send` for a message that nodemailer composes. */
  sendComposed<Result>(send: (deliver: Mailer['deliver']) => Promise<Result>): Promise<Result> {
    return this.#whileOpen(() => send((delivery) => this.#deliver(delivery)));
  }

  async compose(mail: Mail): Promise<ComposeResult> {
    return this.toDelivery(await this.#composer.compose(mail), mail, findNonAddresses(mail));
  }

  /** Creates a delivery from an already composed message. */
  toDelivery(
    composed: MimeResult,
    extras: MailExtras & Pick<DeliveryRequest, 'dsn'>,
    refused: readonly RefusedAddress[],
  ): ComposeResult {
    const now = this.#deps.clock.now();
    const request: DeliveryRequest = {
      id: extras.id ?? idOf(composed),
      tenantId: extras.tenantId,
      expiresAt: extras.expiresAt ?? new Date(now.getTime() + this.#deps.timeToLiveMs),
      tags: extras.tags,
      urgent: extras.urgent,
      dsn: extras.dsn,
      refused,
    };
    const result = composeDelivery(composed, request, now);
    if (result.kind === 'refused')
      this.#deps.log.error('refused', { deliveryId: result.id, reason: result.reason });
    return result;
  }

  deliver(delivery: Delivery): Promise<Attempted | Refused> {
    return this.#whileOpen(() => this.#deliver(delivery));
  }

  handOver(
    delivery: Delivery,
    failure: Failure = this.#deps.smtp.circuitOpen(),
  ): Promise<Attempted | Refused> {
    return this.#whileOpen(async () => {
      const valid = this.#validate(delivery);
      if (valid.kind === 'refused') return valid;
      this.#checkSender(valid.delivery);
      return deliverBySqs(valid.delivery, failure, this.#deps);
    });
  }

  async #deliver(delivery: Delivery): Promise<Attempted | Refused> {
    const valid = this.#validate(delivery);
    if (valid.kind === 'refused') return valid;
    this.#checkSender(valid.delivery);
    return deliver(this.#stamped(valid.delivery), this.#deps);
  }

  /** `deliver` for a caller that has a client to answer: see `deliverOrReject`. */
  deliverOrReject(delivery: Delivery): Promise<Attempted | Refused | Rejected> {
    return this.#whileOpen(async () => {
      const valid = this.#validate(delivery);
      return valid.kind === 'refused' ? valid : deliverOrReject(this.#stamped(valid.delivery), this.#deps);
    });
  }

  #stamped(delivery: Delivery): Delivery {
    const { idKeys } = this.#deps;
    if (idKeys.length === 0) return delivery;
    const { mime, smtpHeader = '' } = delivery;
    return { ...delivery, smtpHeader: `${smtpHeader}${stampField(delivery, mime, idKeys)}` };
  }

  get smtpState(): BreakerState {
    return this.#deps.smtp.state;
  }

  /** Why SMTP does not accept mail now; undefined if it does. */
  verify(): Promise<Failure | undefined> {
    return this.#deps.smtp.verify();
  }

  verifyFallback(): Promise<readonly FallbackFailure[]> {
    return checkFallback(this.#deps);
  }

  /** A stored delivery may have expired, lost all its recipients, or have other types after JSON parsing. */
  #validate(delivery: Delivery): ComposeResult {
    const valid = validateDelivery(delivery, this.#deps.clock.now());
    if (valid.kind === 'refused')
      this.#deps.log.error('refused', { deliveryId: valid.id, reason: valid.reason });
    return valid;
  }

  /**
   * SMTP may take a mail from any domain, and the resend Lambda never does: such a mail would be a dead letter in the
   * first outage. SMTP still sends it, so it is a warning.
   */
  #checkSender({ id, from, mime }: Delivery): void {
    const { domain, log, onForeignSender } = this.#deps;
    const problem = domain === undefined ? undefined : validateSender(from, mime, domain);
    if (problem === undefined) return;
    log.warn('sender-not-for-fallback', { deliveryId: id, ...problem });
    onForeignSender({ deliveryId: id, detail: problem.detail });
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeWhenDone();
    return this.#closed;
  }

  async #closeWhenDone(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#deps.smtp.close();
  }

  /**
   * A mail counts from the first line of its call: were the pool closed while it is still composed, SMTP would look
   * unreachable and the mail would be handed over.
   */
  async #whileOpen<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw new MailerClosedError();
    const running = task();
    this.#inFlight.add(running);
    try {
      return await running;
    } finally {
      this.#inFlight.delete(running);
    }
  }
}

/**
 * A Message-ID is unique per composed mail; one that is not a valid id is hashed. Of an empty one no id is made:
 * two different mails would share it.
 */
function idOf(composed: MimeResult): string {
  if (composed.kind !== 'composed') return 'unnamed';
  const bare = composed.message.messageId.replaceAll(/[<>\s]/g, '');
  if (bare === '') return randomUUID();
  return /^[\x21-\x7e]{1,128}$/.test(bare) ? bare : createHash('sha256').update(bare).digest('hex');
}

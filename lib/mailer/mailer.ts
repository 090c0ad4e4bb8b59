import { createHash } from 'node:crypto';
import type { SendMailOptions } from 'nodemailer';
import { awsErrorCode } from '../adapters/aws-client.ts';
import { MailComposer } from '../adapters/mime/compose-mail.ts';
import type { MimeResult } from '../adapters/mime/compose-message.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Attempted, Outcome, Refused } from '../domain/outcome.ts';
import type { Clock } from '../ports/runtime.ts';
import type { BreakerState, CircuitBreakerRoute } from './circuit-breaker.ts';
import {
  type ComposeResult,
  composeDelivery,
  type DeliveryRequest,
  validateDelivery,
} from './compose-delivery.ts';
import { type DeliverDeps, deliver, deliverBySqs } from './deliver.ts';

/** What may be said of a mail besides nodemailer's own fields. */
export interface MailExtras {
  /** The idempotency key, 1 to 128 printable ASCII characters. @default the Message-ID */
  readonly id?: string | undefined;
  /** Whose mail it is; the queue is fair between tenants. */
  readonly tenantId?: string | undefined;
  /** Past this time the mail is not sent any more. @default four days from now */
  readonly expiresAt?: Date | undefined;
  /** Message tags of SES: names and values of letters, digits, `_` and `-`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** nodemailer's message and what the pipeline wants to know of it. */
export type Mail = SendMailOptions & MailExtras;

/** Sends mail by SMTP, and through the queue where SMTP does not take it. */
export interface Mailer {
  /**
   * Composes a mail, offers it to SMTP and hands over what SMTP did not take. Resolves with what became of it;
   * what a server or a network does is never an exception.
   *
   * @throws where an attachment cannot be read
   */
  send(mail: Mail): Promise<Outcome>;
  /** The first half of `send`: for callers that keep the composed mail and try again later. */
  compose(mail: Mail): Promise<ComposeResult>;
  /** The second half of `send`. A delivery may be narrowed to the recipients that are still owed. */
  deliver(delivery: Delivery): Promise<Attempted | Refused>;
  /**
   * Hands over without asking SMTP, for a caller who knows already why SMTP did not take the mail or may have.
   * A failure of the class `unknown` is held where the settings say so.
   *
   * @param failure by default, that SMTP counts as down
   */
  handOver(delivery: Delivery, failure?: Failure): Promise<Attempted | Refused>;
  /** `open` while the mail server counts as down, and mails go to the queue at once. */
  readonly smtpState: BreakerState;
  /** Lets sends under way finish and closes the connections. */
  close(): Promise<void>;
}

export interface MailerDeps extends Omit<DeliverDeps, 'describeError'> {
  readonly smtp: CircuitBreakerRoute;
  readonly clock: Clock;
  readonly timeToLiveMs: number;
}

/** The mailer over whatever ports it is given; `createMailer` gives it the real ones. */
export class FallbackMailer implements Mailer {
  readonly #deps: MailerDeps & DeliverDeps;
  readonly #composer = new MailComposer('files-and-urls');

  constructor(deps: MailerDeps) {
    this.#deps = { ...deps, describeError: awsErrorCode };
  }

  async send(mail: Mail): Promise<Outcome> {
    const composed = await this.compose(mail);
    return composed.kind === 'delivery' ? this.deliver(composed.delivery) : composed;
  }

  async compose(mail: Mail): Promise<ComposeResult> {
    return this.toDelivery(await this.#composer.compose(mail), mail);
  }

  /** Makes a delivery of bytes that are already composed. */
  toDelivery(composed: MimeResult, extras: MailExtras): ComposeResult {
    const now = this.#deps.clock.now();
    const request: DeliveryRequest = {
      id: extras.id ?? idOf(composed),
      tenantId: extras.tenantId,
      expiresAt: extras.expiresAt ?? new Date(now.getTime() + this.#deps.timeToLiveMs),
      tags: extras.tags,
    };
    const result = composeDelivery(composed, request, now);
    if (result.kind === 'refused')
      this.#deps.log.error('refused', { deliveryId: result.id, reason: result.reason });
    return result;
  }

  async deliver(delivery: Delivery): Promise<Attempted | Refused> {
    return this.#flaw(delivery) ?? deliver(delivery, this.#deps);
  }

  async handOver(
    delivery: Delivery,
    failure: Failure = this.#deps.smtp.circuitOpen(),
  ): Promise<Attempted | Refused> {
    return this.#flaw(delivery) ?? deliverBySqs(delivery, failure, this.#deps);
  }

  get smtpState(): BreakerState {
    return this.#deps.smtp.state;
  }

  /** Why SMTP does not take any mail now; nothing where it would. */
  verify(): Promise<Failure | undefined> {
    return this.#deps.smtp.verify();
  }

  /** A delivery that was kept may have expired, been narrowed too far, or come back from JSON with other types. */
  #flaw(delivery: Delivery): Refused | undefined {
    const flaw = validateDelivery(delivery, this.#deps.clock.now());
    if (flaw !== undefined) this.#deps.log.error('refused', { deliveryId: flaw.id, reason: flaw.reason });
    return flaw;
  }

  async close(): Promise<void> {
    await this.#deps.smtp.close();
  }
}

/** A Message-ID is unique for each composed mail; one that is no valid id is hashed. */
function idOf(composed: MimeResult): string {
  if (composed.kind !== 'composed') return 'unnamed';
  const bare = composed.message.messageId.replaceAll(/[<>]/g, '');
  return /^[\x21-\x7e]{1,128}$/.test(bare) ? bare : createHash('sha256').update(bare).digest('hex');
}

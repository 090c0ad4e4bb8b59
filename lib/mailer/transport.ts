import { EventEmitter } from 'node:events';
import type { SentMessageInfo, Transport } from 'nodemailer';
import type MailMessage from 'nodemailer/lib/mailer/mail-message';
import * as v from 'valibot';
import { findNonAddresses } from '../adapters/mime/compose-mail.ts';
import { composeMessage } from '../adapters/mime/compose-message.ts';
import type { Failure } from '../domain/failure.ts';
import type { Attempted, Outcome } from '../domain/outcome.ts';
import { describeIssues } from '../domain/problems.ts';
import { type MailerOptions, openMailer } from './create-mailer.ts';
import type { FallbackMailer, MailExtras } from './mailer.ts';
import { type MailerSettings, parseMailerSettings } from './settings.ts';

declare module 'nodemailer/lib/mailer/mail-message' {
  /** `sendMail` over the transport also accepts the pipeline's fields. */
  interface SendMailOptions extends MailExtras {}
}

/** `info` as in nodemailer's SMTP transport, plus the whole outcome. */
export interface FallbackInfo extends SentMessageInfo {
  accepted: string[];
  rejected: string[];
  response: string;
  messageSize: number;
  outcome: Attempted;
}

/**
 * The mailer as a nodemailer transport: `nodemailer.createTransport(fallbackTransport(settings))`. A recipient is
 * `accepted` if SMTP or the queue accepted it; `sendMail` fails only if the mail stays with the caller.
 *
 * @throws {@link SettingsError} that lists every wrong setting
 */
export function fallbackTransport(
  settings: MailerSettings,
  options?: MailerOptions,
): Transport<FallbackInfo> {
  const complete = parseMailerSettings(settings);
  // As in nodemailer's pool: each connection has a mail, and its next one waits.
  return new FallbackTransport(openMailer(complete, options), 2 * complete.smtp.maxConnections);
}

class FallbackTransport extends EventEmitter implements Transport<FallbackInfo> {
  readonly name = 'keybuzz-fallback';
  readonly version = '1';
  readonly #mailer: FallbackMailer;
  readonly #capacity: number;
  #pending = 0;

  constructor(mailer: FallbackMailer, capacity: number) {
    super();
    this.#mailer = mailer;
    this.#capacity = capacity;
    setImmediate(() => this.#announceIdle());
  }

  send(mail: MailMessage<FallbackInfo>, callback: (error: Error | null, info?: FallbackInfo) => void): void {
    this.#pending += 1;
    this.#mailer
      .sendComposed((deliver) => sendMessage(this.#mailer, mail, deliver))
      .finally(() => {
        const wasFull = !this.isIdle();
        this.#pending -= 1;
        // After the callback, as in nodemailer's pool.
        if (wasFull) setImmediate(() => this.#announceIdle());
      })
      .then(
        (info) => callback(null, info),
        (error: Error) => callback(error),
      );
  }

  /** Whether another mail would be sent soon; each that is sent in spite of it waits in memory. */
  isIdle(): boolean {
    return this.#pending < this.#capacity;
  }

  verify(callback?: VerifyCallback): Promise<true> | undefined {
    const verified = verifySmtp(this.#mailer);
    if (callback === undefined) return verified;
    verified.then(
      () => callback(null, true),
      (error: Error) => callback(error),
    );
    return undefined;
  }

  close(): void {
    void this.#mailer.close();
  }

  #announceIdle(): void {
    if (this.isIdle()) this.emit('idle');
  }
}

type VerifyCallback = (error: Error | null, success?: true) => void;

/**
 * As in nodemailer's SMTP transport: opens a session and sends no mail. Does not check the fallback, so that
 * it cannot hide an SMTP configuration that never worked.
 *
 * @throws {@link SmtpNotReadyError}
 */
async function verifySmtp(mailer: FallbackMailer): Promise<true> {
  const failure = await mailer.verify();
  if (failure !== undefined) throw new SmtpNotReadyError(failure);
  return true;
}

async function sendMessage(
  mailer: FallbackMailer,
  mail: MailMessage<FallbackInfo>,
  deliver: FallbackMailer['deliver'],
): Promise<FallbackInfo> {
  const extras = extrasOf(mail);
  const composed = mailer.toDelivery(await composeMessage(mail.message), extras, findNonAddresses(mail.data));
  if (composed.kind === 'refused') throw new MailNotSentError(composed);
  const { delivery } = composed;
  const outcome = await deliver(delivery);
  return {
    ...toSentInfo(outcome),
    messageId: delivery.messageId,
    messageSize: delivery.mime.length,
    envelope: { from: delivery.from, to: [...delivery.to] },
  };
}

const extrasSchema = v.object({
  id: v.optional(v.string()),
  tenantId: v.optional(v.string()),
  expiresAt: v.optional(v.date()),
  tags: v.optional(v.record(v.string(), v.string())),
  urgent: v.optional(v.boolean()),
  // A message's own option, checked where it is composed.
  dsn: v.optional(v.unknown()),
});

/**
 * nodemailer keeps unknown fields on the message's data.
 *
 * @throws {@link MailNotSentError} if they have the wrong type
 */
function extrasOf(mail: MailMessage<FallbackInfo>): v.InferOutput<typeof extrasSchema> {
  const result = v.safeParse(extrasSchema, mail.data);
  if (result.success) return result.output;
  const id = typeof mail.data.id === 'string' ? mail.data.id : 'unnamed';
  throw new MailNotSentError({
    kind: 'refused',
    id,
    reason: 'invalid',
    detail: describeIssues(result.issues),
  });
}

type SentInfo = Pick<FallbackInfo, 'accepted' | 'rejected' | 'response' | 'outcome'>;

/** @throws {@link MailNotSentError} if the mail was sent to no recipient */
function toSentInfo(outcome: Outcome): SentInfo {
  const refused = outcome.kind === 'refused' ? [] : (outcome.refused ?? []).map(({ address }) => address);
  switch (outcome.kind) {
    case 'taken':
      return {
        outcome,
        accepted: [...outcome.taken.recipients],
        rejected: refused,
        response: outcome.taken.response,
      };
    case 'handed-over': {
      const { queueMessageId, recipients } = outcome.handOver;
      const response = `250 handed over to the queue as ${queueMessageId}`;
      return { outcome, accepted: [...recipients], rejected: refused, response };
    }
    case 'split': {
      const accepted = [...outcome.taken.recipients, ...outcome.handOver.recipients];
      return { outcome, accepted, rejected: refused, response: outcome.taken.response };
    }
    case 'not-accepted': {
      if (outcome.taken === undefined) throw new MailNotSentError(outcome);
      // As in nodemailer's SMTP transport: a mail sent to some is sent; the others are in `rejected`.
      const { response, recipients } = outcome.taken;
      return { outcome, accepted: [...recipients], rejected: [...outcome.recipients, ...refused], response };
    }
    case 'held':
    case 'refused':
      throw new MailNotSentError(outcome);
  }
}

/** The outcomes in which a mail stays with the caller. */
type NotSent = Extract<Outcome, { kind: 'refused' | 'held' | 'not-accepted' }>;

const CODES = { refused: 'EREFUSED', held: 'EHELD', 'not-accepted': 'ENOTACCEPTED' } as const;

/** `sendMail` failed: the mail stays with the caller; `outcome` has the details. */
export class MailNotSentError extends Error {
  override readonly name = 'MailNotSentError';
  /** `EREFUSED`: can never be sent as is. `EHELD`: SMTP may have accepted it. `ENOTACCEPTED`: retry later. */
  readonly code: (typeof CODES)[NotSent['kind']];
  readonly outcome: NotSent;
  /** The SMTP server's response, if any, as in nodemailer's own errors. */
  readonly response: string | undefined;

  constructor(outcome: NotSent) {
    super(explain(outcome));
    this.outcome = outcome;
    this.code = CODES[outcome.kind];
    this.response = outcome.kind === 'not-accepted' ? outcome.smtp.response : undefined;
  }
}

function explain(outcome: NotSent): string {
  switch (outcome.kind) {
    case 'refused':
      return `mail ${outcome.id} cannot be sent: ${outcome.reason}: ${outcome.detail}`;
    case 'held':
      return `mail ${outcome.id} may have been taken by SMTP and is held, as onUnknown says`;
    case 'not-accepted':
      return (
        `mail ${outcome.id} was taken neither by SMTP (${outcome.smtp.class}) ` +
        `nor by the fallback (${outcome.fallback.code}: ${outcome.fallback.detail})`
      );
  }
}

/** `verify` failed: SMTP does not accept mail now. */
class SmtpNotReadyError extends Error {
  override readonly name = 'SmtpNotReadyError';
  /** The code of the library or the system, else the failure class. */
  readonly code: string;
  /** The server's response, if any, as in nodemailer's own errors. */
  readonly response: string | undefined;
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(
      `SMTP is not ready (${failure.class}): ${failure.response ?? failure.code ?? `in the phase ${failure.phase}`}`,
    );
    this.code = failure.code ?? failure.class;
    this.response = failure.response;
    this.failure = failure;
  }
}

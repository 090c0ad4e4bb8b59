import type { Outcome } from '../message/outcome.ts';

/** The outcomes by which a mail stays with the caller. */
export type NotSent = Extract<Outcome, { kind: 'refused' | 'held' | 'not-accepted' }>;

const CODES = { refused: 'EREFUSED', held: 'EHELD', 'not-accepted': 'ENOTACCEPTED' } as const;

/** `sendMail` failed: the mail was left with the caller, and `outcome` says all that is known of it. */
export class MailNotSentError extends Error {
  override readonly name = 'MailNotSentError';
  /** `EREFUSED`: it can never be sent so. `EHELD`: SMTP may have taken it. `ENOTACCEPTED`: try again later. */
  readonly code: (typeof CODES)[NotSent['kind']];
  readonly outcome: NotSent;
  /** The SMTP server's answer, where it gave one, as nodemailer's own errors carry it. */
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

import { isMailboxSimulator } from './account.ts';
import { bounceReport } from './bounce-report.ts';
import { eventMail, type MailOrigin } from './event-mail.ts';
import type { SesMail } from './mail.ts';
import type { RecipientFate } from './recipient-fate.ts';
import type { BounceClass, ComplaintSubType, DelayType, EventMail, SesEvent } from './ses-event.ts';
import { newSesMessageId } from './ses-message-id.ts';

/** Documented: SES tries to deliver for 840 minutes, unless it is told otherwise. */
const DELIVERY_ATTEMPTS_MS = 840 * 60 * 1000;

const OUTGOING_IP = '192.0.2.20';
const DELAYING_SERVER_IP = '192.0.2.30';

/** A recipient, and what becomes of the mail there. */
export interface FatedRecipient {
  readonly recipient: string;
  readonly fate: RecipientFate;
}

/**
 * All that happens to a mail, in the order that it happens. One event tells of one recipient; only the simulator's
 * bounces of one mail are documented to come in one.
 */
export function lifeOf(mail: SesMail, fated: readonly FatedRecipient[], origin: MailOrigin): SesEvent[] {
  const about = eventMail(mail, origin);
  const meets = (kind: RecipientFate['kind']) => fated.some(({ fate }) => fate.kind === kind);
  if (meets('rendering-failure')) return [renderingFailure(about)];
  const send: SesEvent = { eventType: 'Send', mail: about, send: {} };
  if (meets('rejected'))
    return [send, { eventType: 'Reject', mail: about, reject: { reason: 'Bad content' } }];
  const later = inGroups(fated).flatMap(({ fate, recipients }) => {
    const life = new GroupLife(about, mail, origin.region, recipients);
    return life.events(fate);
  });
  return [send, ...later];
}

interface Group {
  readonly fate: RecipientFate;
  readonly recipients: string[];
}

function inGroups(fated: readonly FatedRecipient[]): Group[] {
  const groups: Group[] = [];
  const simulated = new Map<string, Group>();
  for (const { recipient, fate } of fated) {
    const key = JSON.stringify(fate);
    const together = fate.kind === 'hard-bounce' && isMailboxSimulator(recipient);
    const known = together ? simulated.get(key) : undefined;
    if (known !== undefined) {
      known.recipients.push(recipient);
      continue;
    }
    const group = { fate, recipients: [recipient] };
    groups.push(group);
    if (together) simulated.set(key, group);
  }
  return groups;
}

function renderingFailure(mail: EventMail): SesEvent {
  return {
    eventType: 'Rendering Failure',
    mail: withoutHeaders(mail),
    failure: {
      templateName: 'Template',
      errorMessage: "Attribute 'name' is not present in the rendering data.",
    },
  };
}

/** The documentation's records of failures and delays have neither the headers nor the common ones. */
function withoutHeaders({ headers: _, commonHeaders: __, ...mail }: EventMail): EventMail {
  return mail;
}

/** What happens to one group of recipients; each event happens a millisecond after the one before. */
class GroupLife {
  readonly #about: EventMail;
  readonly #sentAtMs: number;
  readonly #region: string;
  readonly #recipients: readonly string[];
  #nowMs: number;

  constructor(about: EventMail, { at }: SesMail, region: string, recipients: readonly string[]) {
    this.#about = about;
    this.#sentAtMs = at.getTime();
    this.#region = region;
    this.#recipients = recipients;
    this.#nowMs = this.#sentAtMs;
  }

  events(fate: RecipientFate): SesEvent[] {
    switch (fate.kind) {
      case 'delivered':
        return [this.#delivery()];
      case 'delayed-then-delivered':
        return [this.#delay(fate.delayType ?? 'TransientCommunicationFailure'), this.#delivery()];
      case 'hard-bounce':
        return [this.#bounce({ bounceType: 'Permanent', bounceSubType: fate.subType ?? 'General' })];
      case 'soft-bounce':
        return [this.#bounce({ bounceType: 'Transient', bounceSubType: fate.subType ?? 'General' })];
      case 'undetermined-bounce':
        return [this.#bounce({ bounceType: 'Undetermined', bounceSubType: 'Undetermined' })];
      case 'delivered-then-bounced':
        return [
          this.#delivery(),
          this.#bounce({ bounceType: 'Permanent', bounceSubType: fate.subType ?? 'General' }),
        ];
      case 'complaint':
        return fate.subType == null
          ? [this.#delivery(), this.#complaint(null)]
          : [this.#complaint(fate.subType)];
      case 'rejected':
      case 'rendering-failure':
      case 'silence':
        return [];
    }
  }

  #delivery(): SesEvent {
    const at = this.#next();
    const { tags } = this.#about;
    return {
      eventType: 'Delivery',
      mail: { ...this.#about, tags: { ...tags, 'ses:outgoing-ip': [OUTGOING_IP] } },
      delivery: {
        timestamp: at.toISOString(),
        processingTimeMillis: at.getTime() - this.#sentAtMs,
        recipients: this.#recipients,
        smtpResponse: '250 2.0.0 Ok: queued',
        reportingMTA: `a1-20.smtp-out.${this.#region}.amazonses.com`,
      },
    };
  }

  #delay(delayType: DelayType): SesEvent {
    return {
      eventType: 'DeliveryDelay',
      mail: withoutHeaders(this.#about),
      deliveryDelay: {
        timestamp: this.#next().toISOString(),
        delayType,
        expirationTime: new Date(this.#sentAtMs + DELIVERY_ATTEMPTS_MS).toISOString(),
        delayedRecipients: this.#recipients.map((emailAddress) => ({
          emailAddress,
          status: '4.4.1',
          diagnosticCode: 'smtp; 421 4.4.1 unable to connect to remote host',
        })),
        reportingMTA: DELAYING_SERVER_IP,
      },
    };
  }

  #bounce(bounceClass: BounceClass): SesEvent {
    const at = this.#next();
    const { reportingMTA, about } = bounceReport(bounceClass);
    return {
      eventType: 'Bounce',
      mail: this.#about,
      bounce: {
        ...bounceClass,
        bouncedRecipients: this.#recipients.map((emailAddress) => ({ emailAddress, ...about })),
        timestamp: at.toISOString(),
        feedbackId: newSesMessageId(at),
        ...(reportingMTA !== undefined && { reportingMTA }),
      },
    };
  }

  #complaint(complaintSubType: ComplaintSubType): SesEvent {
    const at = this.#next();
    return {
      eventType: 'Complaint',
      mail: this.#about,
      complaint: {
        complainedRecipients: this.#recipients.map((emailAddress) => ({ emailAddress })),
        timestamp: at.toISOString(),
        feedbackId: newSesMessageId(at),
        complaintSubType,
        userAgent: 'Local feedback loop',
        complaintFeedbackType: 'abuse',
        arrivalDate: at.toISOString(),
      },
    };
  }

  #next(): Date {
    this.#nowMs += 1;
    return new Date(this.#nowMs);
  }
}

import { isMailboxSimulator, type SesAccount } from './account.ts';
import type { EventPublisher } from './event-publisher.ts';
import {
  type BounceClass,
  type BouncedRecipient,
  type ComplaintSubType,
  type DelayType,
  type EventMail,
  eventMail,
  type MailOrigin,
  type PermanentSubType,
  type SesEvent,
  type TransientSubType,
} from './ses-event.ts';
import { newSesMessageId, type SesMail } from './submission.ts';
import type { AccountSuppressionReason } from './suppression.ts';

export interface DeliverySimulatorOptions {
  readonly account: SesAccount;
  readonly region: string;
  readonly publisher: EventPublisher;
}

/** Simulates what follows after SES accepts a mail: its delivery, suppressed addresses, and events. */
export class DeliverySimulator {
  readonly #options: DeliverySimulatorOptions;
  #scriptFor: ScriptFor = () => undefined;

  constructor(options: DeliverySimulatorOptions) {
    this.#options = options;
  }

  /** The function decides the delivery of mails from now on. */
  script(scriptFor: ScriptFor): void {
    this.#scriptFor = scriptFor;
  }

  follow(mail: SesMail): void {
    const { account, region, publisher } = this.#options;
    const scripted = mail.recipients.map((recipient) => ({
      recipient,
      status:
        suppressedScript(account, recipient) ?? this.#scriptFor(mail, recipient) ?? defaultScript(recipient),
    }));
    const identity = account.identityOf(mail.source) ?? mail.source;
    const events = eventsFor(mail, scripted, { region, identity });
    for (const event of events) suppressAfter(event, account);
    if (account.publishesEvents(mail.configurationSet)) publisher.publish(events);
  }
}

/** Documented default: SES tries to deliver for 840 minutes. */
const DELIVERY_ATTEMPTS_MS = 840 * 60 * 1000;

const OUTGOING_IP = '192.0.2.20';
const DELAYING_SERVER_IP = '192.0.2.30';

interface ScriptedRecipient {
  readonly recipient: string;
  readonly status: DeliveryScript;
}

/**
 * All events of a mail, in order. Each event is about one recipient; only the simulator's bounces of one mail
 * are documented to be in a single event.
 */
function eventsFor(mail: SesMail, scripted: readonly ScriptedRecipient[], origin: MailOrigin): SesEvent[] {
  const about = eventMail(mail, origin);
  const hasKind = (kind: DeliveryScript['kind']) => scripted.some(({ status }) => status.kind === kind);
  if (hasKind('rendering-failure')) return [renderingFailure(about)];
  const send: SesEvent = { eventType: 'Send', mail: about, send: {} };
  if (hasKind('rejected'))
    return [send, { eventType: 'Reject', mail: about, reject: { reason: 'Bad content' } }];
  const later = groupRecipients(scripted).flatMap(({ status, recipients }) => {
    const group = new GroupEvents(about, mail, origin.region, recipients);
    return group.events(status);
  });
  return [send, ...later];
}

interface Group {
  readonly status: DeliveryScript;
  readonly recipients: string[];
}

function groupRecipients(scripted: readonly ScriptedRecipient[]): Group[] {
  const groups: Group[] = [];
  const simulated = new Map<string, Group>();
  for (const { recipient, status } of scripted) {
    const key = JSON.stringify(status);
    const together = status.kind === 'hard-bounce' && isMailboxSimulator(recipient);
    const known = together ? simulated.get(key) : undefined;
    if (known !== undefined) {
      known.recipients.push(recipient);
      continue;
    }
    const group = { status, recipients: [recipient] };
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

/** Documented examples of failures and delays have neither `headers` nor `commonHeaders`. */
function withoutHeaders({ headers: _, commonHeaders: __, ...mail }: EventMail): EventMail {
  return mail;
}

/** The events of one group of recipients; each is a millisecond after the previous one. */
class GroupEvents {
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

  events(status: DeliveryScript): SesEvent[] {
    switch (status.kind) {
      case 'delivered':
        return [this.#delivery()];
      case 'delayed-then-delivered':
        return [this.#delay(status.delayType ?? 'TransientCommunicationFailure'), this.#delivery()];
      case 'hard-bounce':
        return [this.#bounce({ bounceType: 'Permanent', bounceSubType: status.subType ?? 'General' })];
      case 'soft-bounce':
        return [this.#bounce({ bounceType: 'Transient', bounceSubType: status.subType ?? 'General' })];
      case 'undetermined-bounce':
        return [this.#bounce({ bounceType: 'Undetermined', bounceSubType: 'Undetermined' })];
      case 'delivered-then-bounced':
        return [
          this.#delivery(),
          this.#bounce({ bounceType: 'Permanent', bounceSubType: status.subType ?? 'General' }),
        ];
      case 'complaint':
        return status.subType == null
          ? [this.#delivery(), this.#complaint(null)]
          : [this.#complaint(status.subType)];
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

/** The fields of a bounce besides its class. */
interface BounceReport {
  readonly reportingMTA?: string;
  readonly about: Omit<BouncedRecipient, 'emailAddress'>;
}

/** From a delivery status notification (RFC 3464); there is none if SES cannot determine what it received. */
function bounceReport({ bounceType, bounceSubType }: BounceClass): BounceReport {
  if (bounceType === 'Undetermined') return { about: {} };
  const [status, diagnosticCode] =
    bounceType === 'Permanent' ? PERMANENT[bounceSubType] : TRANSIENT[bounceSubType];
  const isOwn = bounceSubType === 'Suppressed' || bounceSubType === 'OnAccountSuppressionList';
  return {
    reportingMTA: isOwn ? 'dns; amazonses.com' : 'dns; mx.example.net',
    about: { action: 'failed', status, diagnosticCode },
  };
}

type StatusText = readonly [status: string, diagnosticCode: string];

const PERMANENT = {
  General: ['5.1.1', 'smtp; 550 5.1.1 user unknown'],
  NoEmail: ['5.1.1', 'smtp; 550 5.1.1 no such mailbox'],
  // text of SES itself, not of a server: no `smtp;` prefix
  Suppressed: ['5.1.1', 'Amazon SES has suppressed sending to this address: it bounced lately.'],
  OnAccountSuppressionList: [
    '5.1.1',
    'Amazon SES did not send the message to this address: it is on the suppression list of your account.',
  ],
} as const satisfies Record<string, StatusText>;

const TRANSIENT = {
  General: ['4.4.7', 'smtp; 550 4.4.7 message expired: unable to deliver in 840 minutes'],
  MailboxFull: ['4.2.2', 'smtp; 452 4.2.2 mailbox full'],
  MessageTooLarge: ['5.3.4', 'smtp; 552 5.3.4 message too big for the system'],
  ContentRejected: ['5.6.0', 'smtp; 554 5.6.0 content rejected'],
  AttachmentRejected: ['5.7.0', 'smtp; 552 5.7.0 attachment rejected'],
} as const satisfies Record<string, StatusText>;

/** The delivery of a mail to one recipient, which determines the events that SES publishes after Send. */
export type DeliveryScript =
  | { readonly kind: 'delivered' }
  /** @default delayType TransientCommunicationFailure */
  | { readonly kind: 'delayed-then-delivered'; readonly delayType?: DelayType }
  /** @default subType General */
  | { readonly kind: 'hard-bounce'; readonly subType?: PermanentSubType }
  /** SES gave up after hours of retries. @default subType General */
  | { readonly kind: 'soft-bounce'; readonly subType?: TransientSubType }
  | { readonly kind: 'undetermined-bounce' }
  /** The server accepted the mail and bounced it later. */
  | { readonly kind: 'delivered-then-bounced'; readonly subType?: PermanentSubType }
  /**
   * A complaint after the delivery; with a subtype there was no delivery, since SES had the address on its
   * list.
   *
   * @default subType null
   */
  | { readonly kind: 'complaint'; readonly subType?: ComplaintSubType }
  /** SES finds a virus. If set for one recipient, it applies to the whole mail. */
  | { readonly kind: 'rejected' }
  /** A template could not be rendered, so nothing was sent; also applies to the whole mail. */
  | { readonly kind: 'rendering-failure' }
  /** No event after Send. */
  | { readonly kind: 'silence' };

/** Decides the delivery of a mail to a recipient; undefined for the double's default. */
export type ScriptFor = (mail: SesMail, recipient: string) => DeliveryScript | undefined;

/**
 * The behaviour of the mailbox simulator, also with a label such as `bounce+1@`; all other addresses get the
 * mail. https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
 */
function defaultScript(recipient: string): DeliveryScript {
  if (!isMailboxSimulator(recipient)) return { kind: 'delivered' };
  const mailbox = /^[^+@]*/.exec(recipient.toLowerCase())?.[0];
  switch (mailbox) {
    case 'bounce':
      return { kind: 'hard-bounce' };
    case 'suppressionlist':
      return { kind: 'hard-bounce', subType: 'Suppressed' };
    case 'complaint':
      return { kind: 'complaint' };
    default:
      return { kind: 'delivered' };
  }
}

/** The bounce of an address on the account's suppression list; undefined for all others. */
function suppressedScript(account: SesAccount, recipient: string): DeliveryScript | undefined {
  const entry = account.suppressionList.get(recipient);
  if (entry === undefined || !account.suppressedReasons.has(entry.reason)) return undefined;
  return { kind: 'hard-bounce', subType: 'OnAccountSuppressionList' };
}

/**
 * Adds addresses that bounced or complained to the account's suppression list, if the account is configured
 * for that reason. Never added are addresses of the simulator, nor those not sent to, since the address
 * itself did not bounce.
 */
function suppressAfter(event: SesEvent, account: SesAccount): void {
  const signal = findSignal(event);
  if (signal === undefined || !account.suppressedReasons.has(signal.reason)) return;
  for (const address of signal.addresses) {
    if (isMailboxSimulator(address)) continue;
    account.suppressionList.put({
      address,
      reason: signal.reason,
      updatedAt: new Date(signal.timestamp),
      event: { sesMessageId: event.mail.messageId, feedbackId: signal.feedbackId },
    });
  }
}

interface EventSignal {
  readonly reason: AccountSuppressionReason;
  readonly addresses: readonly string[];
  readonly timestamp: string;
  readonly feedbackId: string;
}

function findSignal(event: SesEvent): EventSignal | undefined {
  if (event.eventType === 'Bounce') {
    const { bounceType, bounceSubType, bouncedRecipients, timestamp, feedbackId } = event.bounce;
    if (bounceType !== 'Permanent' || (bounceSubType !== 'General' && bounceSubType !== 'NoEmail')) {
      return undefined;
    }
    return { reason: 'BOUNCE', addresses: listAddresses(bouncedRecipients), timestamp, feedbackId };
  }
  if (event.eventType === 'Complaint' && event.complaint.complaintSubType === null) {
    const { complainedRecipients, timestamp, feedbackId } = event.complaint;
    return { reason: 'COMPLAINT', addresses: listAddresses(complainedRecipients), timestamp, feedbackId };
  }
  return undefined;
}

function listAddresses(recipients: readonly { readonly emailAddress: string }[]): string[] {
  return recipients.map(({ emailAddress }) => emailAddress);
}

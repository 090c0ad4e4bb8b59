/** What only a pipeline on this machine has: what its servers accepted, their faults, and a form for rows. */
export interface LocalDesk {
  readonly inbox: LocalInbox;
  readonly faults: FaultSwitches;
  /** Writes rows to the outbox, as the API does. @returns the IDs of the deliveries, in their order */
  write(mail: NewMail): Promise<readonly string[]>;
}

/** The mails that SMTP and SES accepted. */
export interface LocalInbox {
  /** The newest first. */
  list(): readonly InboxMail[];
  /** Undefined if there is no such mail. */
  open(id: string): Promise<OpenedMail | undefined>;
}

type InboxRoute = 'SMTP' | 'SES';

export interface InboxMail {
  /** Of the mail in the inbox: `smtp-3`. */
  readonly id: string;
  readonly route: InboxRoute;
  readonly at: Date;
  /** Of the envelope; empty for the null sender. */
  readonly from: string;
  /** Of the envelope. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly bytes: number;
  /** Undefined for a mail that is of no row, such as one of a program that sends by itself. */
  readonly deliveryId: string | undefined;
}

export interface OpenedMail extends InboxMail {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The bytes that the recipient gets. */
  readonly raw: Buffer;
  readonly content: MailContent;
}

/** What a mail program makes of the bytes. Nothing in it is to be trusted. */
export type MailContent =
  | {
      readonly kind: 'parsed';
      readonly text: string | undefined;
      /** With the images of the mail in it. */
      readonly html: string | undefined;
      readonly attachments: readonly MailAttachment[];
    }
  | { readonly kind: 'unreadable'; readonly why: string };

export interface MailAttachment {
  /** As the sender wrote it: it may look like a path. */
  readonly name: string | undefined;
  readonly type: string;
  readonly content: Buffer;
}

/** What can be broken on purpose. */
export interface FaultSwitches {
  list(): readonly FaultSwitch[];
  /** @returns false if there is no such fault */
  set(id: string, isOn: boolean): Promise<boolean>;
}

export interface FaultSwitch {
  readonly id: string;
  readonly server: 'mail-core' | 'SES' | 'SQS';
  /** What the server does, after its name: `refuses connections`. */
  readonly does: string;
  /** What becomes of mail meanwhile. */
  readonly effect: string;
  /** The key of the terminal that does the same. */
  readonly key: string;
  /** Since when it is on; undefined while it is off. */
  readonly since: Date | undefined;
}

export interface NewMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly isUrgent: boolean;
  readonly tenantId: string;
  /** How many of the same. */
  readonly count: number;
}

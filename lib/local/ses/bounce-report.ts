import type { BounceClass, BouncedRecipient } from './ses-event.ts';

/** What is told of a bounce beside its class. */
export interface BounceReport {
  readonly reportingMTA?: string;
  readonly about: Omit<BouncedRecipient, 'emailAddress'>;
}

/** As it comes with a delivery status notification (RFC 3464); without one where SES cannot tell what came back. */
export function bounceReport({ bounceType, bounceSubType }: BounceClass): BounceReport {
  if (bounceType === 'Undetermined') return { about: {} };
  const [status, diagnosticCode] =
    bounceType === 'Permanent' ? PERMANENT[bounceSubType] : TRANSIENT[bounceSubType];
  const isOwn = bounceSubType === 'Suppressed' || bounceSubType === 'OnAccountSuppressionList';
  return {
    reportingMTA: isOwn ? 'dns; amazonses.com' : 'dns; mx.example.net',
    about: { action: 'failed', status, diagnosticCode },
  };
}

type Words = readonly [status: string, diagnosticCode: string];

const PERMANENT = {
  General: ['5.1.1', 'smtp; 550 5.1.1 user unknown'],
  NoEmail: ['5.1.1', 'smtp; 550 5.1.1 no such mailbox'],
  // SES itself speaks here, and no server did: there is no `smtp;` before its words
  Suppressed: ['5.1.1', 'Amazon SES has suppressed sending to this address: it bounced lately.'],
  OnAccountSuppressionList: [
    '5.1.1',
    'Amazon SES did not send the message to this address: it is on the suppression list of your account.',
  ],
} as const satisfies Record<string, Words>;

const TRANSIENT = {
  General: ['4.4.7', 'smtp; 550 4.4.7 message expired: unable to deliver in 840 minutes'],
  MailboxFull: ['4.2.2', 'smtp; 452 4.2.2 mailbox full'],
  MessageTooLarge: ['5.3.4', 'smtp; 552 5.3.4 message too big for the system'],
  ContentRejected: ['5.6.0', 'smtp; 554 5.6.0 content rejected'],
  AttachmentRejected: ['5.7.0', 'smtp; 552 5.7.0 attachment rejected'],
} as const satisfies Record<string, Words>;

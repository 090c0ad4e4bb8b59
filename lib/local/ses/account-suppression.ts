import { isMailboxSimulator, type SesAccount } from './account.ts';
import type { RecipientFate } from './recipient-fate.ts';
import type { SesEvent } from './ses-event.ts';
import type { AccountSuppressionReason } from './suppressed-destinations.ts';

/** The fate of a mail for an address that the account's list has SES not send to; undefined for all others. */
export function suppressedFate(account: SesAccount, recipient: string): RecipientFate | undefined {
  const entry = account.suppressionList.get(recipient);
  if (entry === undefined || !account.suppressedReasons.has(entry.reason)) return undefined;
  return { kind: 'hard-bounce', subType: 'OnAccountSuppressionList' };
}

/**
 * Puts whom an event speaks against on the account's list, as far as the account asks for it. The simulator's
 * addresses never get there, nor does who was not sent to: that is no bounce of the address.
 */
export function suppressAfter(event: SesEvent, account: SesAccount): void {
  const strike = strikeOf(event);
  if (strike === undefined || !account.suppressedReasons.has(strike.reason)) return;
  for (const address of strike.addresses) {
    if (isMailboxSimulator(address)) continue;
    account.suppressionList.put({
      address,
      reason: strike.reason,
      updatedAt: new Date(strike.timestamp),
      event: { sesMessageId: event.mail.messageId, feedbackId: strike.feedbackId },
    });
  }
}

interface EventStrike {
  readonly reason: AccountSuppressionReason;
  readonly addresses: readonly string[];
  readonly timestamp: string;
  readonly feedbackId: string;
}

function strikeOf(event: SesEvent): EventStrike | undefined {
  if (event.eventType === 'Bounce') {
    const { bounceType, bounceSubType, bouncedRecipients, timestamp, feedbackId } = event.bounce;
    if (bounceType !== 'Permanent' || (bounceSubType !== 'General' && bounceSubType !== 'NoEmail')) {
      return undefined;
    }
    return { reason: 'BOUNCE', addresses: addressesOf(bouncedRecipients), timestamp, feedbackId };
  }
  if (event.eventType === 'Complaint' && event.complaint.complaintSubType === null) {
    const { complainedRecipients, timestamp, feedbackId } = event.complaint;
    return { reason: 'COMPLAINT', addresses: addressesOf(complainedRecipients), timestamp, feedbackId };
  }
  return undefined;
}

function addressesOf(recipients: readonly { readonly emailAddress: string }[]): string[] {
  return recipients.map(({ emailAddress }) => emailAddress);
}

import { isMailboxSimulator } from './account.ts';
import type { SesMail } from './mail.ts';
import type { ComplaintSubType, DelayType, PermanentSubType, TransientSubType } from './ses-event.ts';

/** What becomes of a mail for one recipient, and so which events SES publishes about it after Send. */
export type RecipientFate =
  | { readonly kind: 'delivered' }
  /** @default delayType TransientCommunicationFailure */
  | { readonly kind: 'delayed-then-delivered'; readonly delayType?: DelayType }
  /** @default subType General */
  | { readonly kind: 'hard-bounce'; readonly subType?: PermanentSubType }
  /** SES tried for hours and has given up. @default subType General */
  | { readonly kind: 'soft-bounce'; readonly subType?: TransientSubType }
  | { readonly kind: 'undetermined-bounce' }
  /** Its server took the mail and sent it back later. */
  | { readonly kind: 'delivered-then-bounced'; readonly subType?: PermanentSubType }
  /**
   * A complaint after the delivery; with a subtype there was none, for SES had the address on its list.
   *
   * @default subType null
   */
  | { readonly kind: 'complaint'; readonly subType?: ComplaintSubType }
  /** SES finds a virus. The fate of one recipient, it is that of the whole mail. */
  | { readonly kind: 'rejected' }
  /** A template could not be filled in, and nothing was sent; also of the whole mail. */
  | { readonly kind: 'rendering-failure' }
  /** Nothing is heard after Send. */
  | { readonly kind: 'silence' };

/** Decides what becomes of a mail for a recipient; undefined leaves it to the double. */
export type FateOf = (mail: SesMail, recipient: string) => RecipientFate | undefined;

/**
 * What the mailbox simulator does, also behind a label such as `bounce+1@`; whoever else is asked for gets the mail.
 * https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
 */
export function usualFate(recipient: string): RecipientFate {
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

import type { RecipientStatuses } from '../../lib/domain/delivery-status.ts';
import type { SuppressionRecord } from '../../lib/domain/suppression.ts';
import { aBounce, aComplaint, aDelay, aDelivery, aSend, type EventSubject } from './an-event.ts';

const [anna, bruno, clara] = ['anna@example.net', 'bruno@example.org', 'clara@example.org'] as const;

const at = (minute: number) => `2026-08-01T10:0${minute}:00.000Z`;

/**
 * All SES events of one mail to three recipients: delayed and delivered, bounced, delivered and complained.
 * The complaint names everybody at its provider, as SES does if the provider does not report who complained.
 */
export function eventsOfThree(deliveryId = 'reply-1'): readonly string[] {
  const subject: EventSubject = { deliveryId, to: [anna, bruno, clara] };
  return [
    aSend(subject),
    aDelay(anna, at(1), subject),
    aDelivery(anna, at(2), subject),
    aBounce(bruno, at(3), subject),
    aDelivery(clara, at(4), subject),
    aComplaint(clara, at(5), subject, {
      complainedRecipients: [{ emailAddress: bruno }, { emailAddress: clara }],
    }),
  ];
}

const delivered = { smtpResponse: '250 2.6.0 Message received', enhancedStatus: '2.6.0' };

/** The statuses after all of the events. */
export const FATES_OF_THREE: RecipientStatuses = {
  [anna]: { kind: 'delivered', at: at(2), deliveredAt: at(2), sesMessageId: 'ses-1', ...delivered },
  [bruno]: {
    kind: 'bounced',
    at: at(3),
    sesMessageId: 'ses-1',
    bounce: { type: 'Permanent', subType: 'General' },
    smtpResponse: '550 5.1.1 user unknown',
    enhancedStatus: '5.1.1',
  },
  [clara]: { kind: 'complained', at: at(5), deliveredAt: at(4), sesMessageId: 'ses-1', reason: 'abuse' },
};

/** The suppression list after the events. */
export function suppressionsOfThree(deliveryId = 'reply-1'): Map<string, SuppressionRecord> {
  const complaint = { at: new Date(at(5)), deliveryId };
  return new Map([
    [bruno, { softBounces: {}, hardBounce: { at: new Date(at(3)), deliveryId }, complaint }],
    [clara, { softBounces: {}, complaint }],
  ]);
}

/** The send batch of that delivery, before any event. */
export const PART_OF_THREE = {
  deliveryId: 'reply-1',
  part: 0,
  tenantId: 'shop-1',
  recipients: [anna, bruno, clara],
  statuses: {},
  fatesVersion: 0,
};

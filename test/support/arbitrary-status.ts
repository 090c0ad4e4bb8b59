import fc from 'fast-check';
import { BOUNCE_TYPES, type DeliveryStatus, STATUS_KINDS } from '../../lib/domain/delivery-status.ts';

/** Few values, so that two often share one: only partly equal statuses can show an effect of their order. */
const at = fc.constantFrom(
  '2026-08-01T10:00:00.000Z',
  '2026-08-01T10:00:05.000Z',
  '2026-08-01T12:00:05+02:00',
);

const fields = {
  kind: fc.constantFrom(...STATUS_KINDS),
  at,
  sesMessageId: fc.constantFrom(undefined, 'ses-1', 'ses-2'),
  smtpResponse: fc.constantFrom(undefined, '550 no', '550 never'),
  enhancedStatus: fc.constantFrom(undefined, '5.1.1'),
  reason: fc.constantFrom(undefined, 'abuse', 'fraud'),
  bounce: fc.option(
    fc.record({ type: fc.constantFrom(...BOUNCE_TYPES), subType: fc.constantFrom('General', 'NoEmail') }),
    { nil: undefined },
  ),
};

/** Any status that a receipt can report. */
export const arbitraryFate: fc.Arbitrary<DeliveryStatus> = fc.record(fields);

/** Any status, including a merged one. */
export const arbitraryKnownFate: fc.Arbitrary<DeliveryStatus> = fc.record({
  ...fields,
  deliveredAt: fc.option(at, { nil: undefined }),
});

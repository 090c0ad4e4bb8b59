import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Delivery } from '../../lib/domain/delivery.ts';
import { MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import { validateDelivery } from '../../lib/mailer/compose-delivery.ts';

const NOW = new Date('2026-05-03T10:00:00Z');
const LATER = new Date('2026-05-04T10:00:00Z');

function aDelivery(): Delivery {
  return {
    id: 'order-1',
    tenantId: 'tenant-1',
    from: 'support@keybuzz.io',
    to: ['a@example.org', 'b@example.org', 'c@example.org'],
    mime: Buffer.from('Subject: Hello\r\n\r\nHello\r\n'),
    messageId: '<order-1@keybuzz.io>',
    createdAt: NOW,
    expiresAt: LATER,
    tags: { kind: 'reply' },
    priority: 'urgent',
    dsn: { notify: ['FAILURE'] },
  } as Delivery;
}

/** The same fields with a message of its own, which was never validated. */
function asNew(delivery: Delivery): Delivery {
  return { ...delivery, mime: Buffer.from(delivery.mime) };
}

const words = fc.constantFrom<unknown>(undefined, null, '', 7, 'ä', 'x'.repeat(300), {}, [], 'a\r\nb');
const addresses = fc.constantFrom<unknown>(
  ...['a@example.org', 'b@example.org', 'A@example.org', 'no address', 'a@example.org\r\n', '', 7, undefined],
);
const times = fc.constantFrom<unknown>(
  ...[
    LATER,
    new Date(NOW),
    new Date(0),
    new Date(Number.NaN),
    new Date(Date.UTC(10_000, 0)),
    '2026-05-04',
    7,
  ],
);

const fields = {
  id: words,
  tenantId: words,
  tags: fc.constantFrom<unknown>(undefined, { kind: 'reply' }, { 'a b': 'c' }, 'tags'),
  from: addresses,
  to: fc.oneof(fc.array(addresses, { maxLength: 5 }), words),
  createdAt: times,
  expiresAt: times,
  priority: words,
  dsn: fc.constantFrom<unknown>(undefined, { notify: ['FAILURE'] }, { notify: 'always' }, 7),
};

/** What a caller may make of a delivery that it was given: mostly one field, since one that is wrong hides the others. */
const changes = fc.oneof(
  ...Object.entries(fields).map(([name, values]) => fc.record({ [name]: values })),
  fc.record(fields, { requiredKeys: [] }),
);

describe('a delivery that was found valid', () => {
  it('is judged by the second call as one that was never seen, whatever was changed meanwhile', () => {
    fc.assert(
      fc.property(changes, fc.boolean(), (changed, hasParts) => {
        const { tags, dsn, ...plain } = aDelivery();
        const delivery = hasParts ? { ...plain, ...(tags && { tags }), ...(dsn && { dsn }) } : plain;
        expect(validateDelivery(delivery, NOW).kind).toBe('delivery');
        const given = { ...delivery, ...changed } as Delivery;
        expect(validateDelivery(given, NOW)).toEqual(validateDelivery(asNew(given), NOW));
      }),
      { numRuns: 3_000 },
    );
  });

  it('is not validated once more, for fewer recipients or another time either', () => {
    let measured = 0;
    const to = ['a@example.org', 'b@example.org'];
    const toJSON = () => {
      measured += 1;
      return [...to];
    };
    Object.defineProperty(to, 'toJSON', { value: toJSON });
    const { tags: _, dsn: __, ...plain } = aDelivery();
    const watched: Delivery = { ...plain, to };
    validateDelivery(watched, NOW);
    const measuredAtFirst = measured;
    const again = [
      { ...watched, expiresAt: new Date('2026-06-01') },
      { ...watched, to: ['b@example.org'] },
      watched,
    ].map((given) => validateDelivery(given, NOW).kind);
    expect(again).toEqual(['delivery', 'delivery', 'delivery']);
    expect([measuredAtFirst, measured]).toEqual([1, 1]);
  });

  it.each<[string, (delivery: Delivery) => void]>([
    ['its sender', (delivery) => Object.assign(delivery, { from: 'no address' })],
    ['its recipients', (delivery) => Object.assign(delivery, { to: ['no address'] })],
    ['a recipient', ({ to }) => void (to as string[]).splice(0, 3, 'no address')],
    ['its time', ({ createdAt }) => createdAt.setTime(Number.NaN)],
  ])('is refused if %s was changed in place', (_, change) => {
    const { tags: _tags, dsn: _dsn, ...plain } = aDelivery();
    const delivery: Delivery = { ...plain, createdAt: new Date(NOW) };
    expect(validateDelivery(delivery, NOW).kind).toBe('delivery');
    change(delivery);
    expect(validateDelivery(delivery, NOW)).toMatchObject({ kind: 'refused', reason: 'invalid' });
  });

  it('is refused if a tag was changed in place', () => {
    const tags: Record<string, string> = { kind: 'reply' };
    const delivery: Delivery = { ...aDelivery(), tags };
    expect(validateDelivery(delivery, NOW).kind).toBe('delivery');
    tags['a b'] = 'c';
    expect(validateDelivery(delivery, NOW)).toMatchObject({ kind: 'refused', reason: 'invalid' });
  });

  it('is refused for a recipient that is named more often than before', () => {
    const delivery = aDelivery();
    validateDelivery(delivery, NOW);
    const to = Array.from({ length: MAX_RECIPIENTS + 1 }, () => 'a@example.org');
    expect(validateDelivery({ ...delivery, to }, NOW)).toMatchObject({ kind: 'refused', reason: 'invalid' });
  });

  it('is refused once it has expired', () => {
    const delivery = aDelivery();
    validateDelivery(delivery, NOW);
    expect(validateDelivery(delivery, LATER)).toMatchObject({ kind: 'refused', reason: 'expired' });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  parseDeliveryIdTag,
  parseFailedAtTag,
  toDeliveryIdTag,
  toFailedAtTag,
} from '../../lib/domain/send-batch.ts';

const id = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$/);

describe('the tag of a delivery id', () => {
  it('is plain if the id is', () => {
    expect(toDeliveryIdTag('reply-48213_a')).toBe('reply-48213_a');
  });

  it('is accepted by SES for any id, and unique for each id', () => {
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(toDeliveryIdTag(one)).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
        expect(toDeliveryIdTag(one) === toDeliveryIdTag(other)).toBe(one === other);
      }),
    );
    expect(toDeliveryIdTag('b64_YQ')).not.toBe('b64_YQ');
  });

  it('is decoded to the id, and no other text is', () => {
    fc.assert(fc.property(id, (one) => expect(parseDeliveryIdTag(toDeliveryIdTag(one))).toBe(one)));
    expect(parseDeliveryIdTag('b64_!')).toBeUndefined();
    expect(parseDeliveryIdTag('a b')).toBeUndefined();
    expect(parseDeliveryIdTag('')).toBeUndefined();
  });
});

describe('the tag of the time of the failure', () => {
  it('is accepted by SES, and decoded to the time', () => {
    const since1970 = fc.date({ min: new Date(0), noInvalidDate: true, max: new Date('9999-12-31') });
    fc.assert(
      fc.property(since1970, (failedAt) => {
        expect(toFailedAtTag(failedAt)).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
        expect(parseFailedAtTag(toFailedAtTag(failedAt))).toEqual(failedAt);
      }),
    );
  });

  it.each(['', '-1', '1.5', '1e3', ' 1', '007', 'NaN', '9'.repeat(16), '2026-08-01'])('is not %j', (tag) => {
    expect(parseFailedAtTag(tag)).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deliveryIdTag } from '../../../lib/adapters/ses/ses-tags.ts';

const id = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$/);

describe('the tag of a delivery id', () => {
  it('is plain where the id is', () => {
    expect(deliveryIdTag('reply-48213_a')).toBe('reply-48213_a');
  });

  it('is taken by SES, whatever the id, and no two ids share it', () => {
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(deliveryIdTag(one)).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
        expect(deliveryIdTag(one) === deliveryIdTag(other)).toBe(one === other);
      }),
    );
    expect(deliveryIdTag('b64_YQ')).not.toBe('b64_YQ');
  });
});

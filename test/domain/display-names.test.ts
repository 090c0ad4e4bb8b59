import { describe, expect, it } from '@jest/globals';
import { quoteDisplayNames } from '../../lib/domain/display-names.ts';
import { parseMailboxList } from '../../lib/domain/mime-headers.ts';

describe('a display name', () => {
  it.each([
    ['KeyBuzz: Support <support@keybuzz.io>', '"KeyBuzz: Support" <support@keybuzz.io>'],
    ['Martin, Marie <marie@example.org>', '"Martin, Marie" <marie@example.org>'],
    ['Acme; Sons <a@example.org>', '"Acme, Sons" <a@example.org>'],
    ['Say "hi": Support <a@example.org>', '"Say hi: Support" <a@example.org>'],
    ['back\\slash: x <a@example.org>', '"back\\\\slash: x" <a@example.org>'],
    ['Müller: Laden <a@example.org>', '"Müller: Laden" <a@example.org>'],
    ['KeyBuzz: support@keybuzz.io', '"KeyBuzz" <support@keybuzz.io>'],
    ['mailto:support@keybuzz.io', 'support@keybuzz.io'],
    ['support@keybuzz.io (KeyBuzz)', '"KeyBuzz" <support@keybuzz.io>'],
    ['a@example.org, X: Y <b@example.org>', 'a@example.org, "X: Y" <b@example.org>'],
  ])('is quoted if it would be read as something else: %s', (written, meant) => {
    expect(quoteDisplayNames(written)).toBe(meant);
    expect(parseMailboxList(meant)).toBeDefined();
  });

  it.each([
    'KeyBuzz <support@keybuzz.io>',
    '"KeyBuzz: Support" <support@keybuzz.io>',
    '"Martin, Marie" <marie@example.org>, paul@example.org',
    'Team: a@example.org, b@example.org;',
    'undisclosed-recipients:;',
    'a@example.org; b@example.org',
    'a@example.org, b@example.org,',
    'no address: at all',
    '=?utf-8?q?M=C3=BCller?=: Support <a@example.org>',
    '',
  ])('is left as it is: %j', (written) => {
    expect(quoteDisplayNames(written)).toBe(written);
  });

  it.each([':', ',', '<', '(', '"', ' ', ': ', 'a:', '"a" '])(
    'is found in linear time in %j, repeated',
    (part) => {
      const before = performance.now();
      quoteDisplayNames(`:${part.repeat(300_000)}`);
      expect(performance.now() - before).toBeLessThan(2_000);
    },
  );
});

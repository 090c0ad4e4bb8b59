import { describe, expect, it } from '@jest/globals';
import {
  distinctRecipients,
  isWithinDomain,
  maskAddress,
  maskAddressesIn,
  needsSmtpUtf8,
  parseDomain,
  withAsciiDomain,
} from '../../lib/domain/address.ts';

describe('an address', () => {
  it('is masked to its first letter and its domain', () => {
    expect(maskAddress('marie@example.org')).toBe('m***@example.org');
    expect(maskAddress('nonsense')).toBe('***');
  });

  it('is masked anywhere in a text', () => {
    const text = '550 5.1.1 <marie.curie@example.org>: unknown; ask "paul@example.net", (or jörg@exämple.de)';

    expect(maskAddressesIn(text)).toBe(
      '550 5.1.1 <m***@example.org>: unknown; ask "p***@example.net", (or j***@exämple.de)',
    );
  });

  it('is masked even if its local part is quoted, or its domain is a number', () => {
    expect(maskAddressesIn('no "marie smith"@example.org, "x" nor marie@[192.0.2.1]')).toBe(
      'no "***@example.org, "x" nor m***@[192.0.2.1]',
    );
  });

  it.each(['"'.repeat(200_000), '"\\'.repeat(100_000), 'a'.repeat(200_000)])(
    'is found in linear time, in any text',
    (text) => {
      const before = performance.now();

      maskAddressesIn(text);

      expect(performance.now() - before).toBeLessThan(2_000);
    },
  );

  it.each([
    'marie@example.org/x',
    'marie@example.org#x',
    'marie@example.org?x=1',
    'marie@example.org:25',
    'm@exa\\mple.org',
    'm@exa%2emple.org',
    'marie@exa..mple',
    'marie@\uff11',
  ])('is not changed to another one: %s', (address) => {
    expect(withAsciiDomain(address)).toBe(address);
  });

  it('keeps a domain that is a number', () => {
    expect(withAsciiDomain('marie@1')).toBe('marie@1');
  });

  it('keeps its local part and gets an ASCII domain', () => {
    expect(withAsciiDomain('Jörg@Bücher.example')).toBe('Jörg@xn--bcher-kva.example');
    expect(withAsciiDomain('"a@b"@example.org')).toBe('"a@b"@example.org');
  });

  it('needs SMTPUTF8 only for its local part', () => {
    expect(needsSmtpUtf8('jörg@example.org')).toBe(true);
    expect(needsSmtpUtf8('joerg@bücher.example')).toBe(false);
  });

  it.each([
    ['support@keybuzz.io', true],
    ['support@KeyBuzz.IO', true],
    ['support@mail.keybuzz.io', true],
    ['support@evilkeybuzz.io', false],
    ['support@keybuzz.io.evil.example', false],
    ['"support@keybuzz.io"@evil.example', false],
    ['support@keybuzz.io#.evil.example', false],
    ['support@keybuzz.io/.evil.example', false],
    ['support@keybuzz.io:80', false],
    ['support@keybuzz%2eio', false],
    ['support', false],
    ['', false],
  ])('%s is of keybuzz.io: %s', (address, expected) => {
    expect(isWithinDomain(address, 'keybuzz.io')).toBe(expected);
  });

  it('has its domain in one form', () => {
    expect(parseDomain('a@BÜCHER.example')).toBe('xn--bcher-kva.example');
    expect(parseDomain('nobody')).toBe('');
  });
});

describe('recipients', () => {
  it('are one mailbox in any spelling of case, and keep the first spelling', () => {
    const named = [
      'Marie@Example.org',
      'paul@exämple.de',
      'marie@example.org',
      'PAUL@xn--exmple-cua.de',
      'eve@x.org',
    ];

    expect(distinctRecipients(named)).toEqual(['Marie@example.org', 'paul@xn--exmple-cua.de', 'eve@x.org']);
  });
});

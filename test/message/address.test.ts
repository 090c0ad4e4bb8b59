import { describe, expect, it } from '@jest/globals';
import {
  domainOf,
  isWithinDomain,
  maskAddress,
  maskAddressesIn,
  needsSmtpUtf8,
  withAsciiDomain,
} from '../../lib/message/address.ts';

describe('an address', () => {
  it('is masked to its first letter and its domain', () => {
    expect(maskAddress('marie@example.org')).toBe('m***@example.org');
    expect(maskAddress('nonsense')).toBe('***');
  });

  it('is masked wherever it stands in a text', () => {
    const text = '550 5.1.1 <marie.curie@example.org>: unknown; ask "paul@example.net", (or jörg@exämple.de)';

    expect(maskAddressesIn(text)).toBe(
      '550 5.1.1 <m***@example.org>: unknown; ask "p***@example.net", (or j***@exämple.de)',
    );
  });

  it('keeps its local part and takes an ASCII domain', () => {
    expect(withAsciiDomain('Jörg@Bücher.example')).toBe('Jörg@xn--bcher-kva.example');
    expect(withAsciiDomain('"a@b"@example.org')).toBe('"a@b"@example.org');
  });

  it('needs SMTPUTF8 for its local part alone', () => {
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
    ['support', false],
    ['', false],
  ])('%s is of keybuzz.io: %s', (address, expected) => {
    expect(isWithinDomain(address, 'keybuzz.io')).toBe(expected);
  });

  it('has its domain in one form', () => {
    expect(domainOf('a@BÜCHER.example')).toBe('xn--bcher-kva.example');
    expect(domainOf('nobody')).toBe('');
  });
});

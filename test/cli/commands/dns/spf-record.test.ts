import { describe, expect, it } from '@jest/globals';
import {
  includes,
  isSpf,
  lookupsOf,
  mergeSpf,
  parseSpf,
  type SpfRecord,
} from '../../../../lib/cli/lookups/dns/spf-record.ts';

function parsed(txt: string): SpfRecord {
  const record = parseSpf(txt);
  if (record === undefined) throw new Error(`it cannot be read: ${txt}`);
  return record;
}

describe('an SPF record', () => {
  it.each([
    ['v=spf1', true],
    ['V=SPF1 -all', true],
    ['v=spf10 -all', false],
    ['v=spf1include:amazonses.com', false],
    ['spf1 -all', false],
  ])('"%s" is one: %j', (txt, expected) => {
    expect(isSpf(txt)).toBe(expected);
  });

  it.each([
    'v=spf1 a mx/24 a:mail.example.org/28 ip4:192.0.2.0/24 ip6:2001:db8::/32 exists:%{i}.example.org ?ptr -all',
    'v=spf1  include:example.org  redirect=_spf.example.org exp=why.example.org unknown-modifier=x',
  ])('can be read: %s', (txt) => {
    expect(parseSpf(txt)).toBeDefined();
  });

  it.each([
    'v=spf1 ipv4:192.0.2.1 -all',
    'v=spf1 include -all',
    'v=spf1 include: -all',
    'v=spf1 all:example.org',
    'v=spf1 -redirect=example.org',
  ])('ends with "permerror" at receivers: %s', (txt) => {
    expect(parseSpf(txt)).toBeUndefined();
  });

  it.each([
    ['v=spf1 include:amazonses.com ~all', true],
    ['v=spf1 mx +INCLUDE:AmazonSES.com -all', true],
    ['v=spf1 -include:amazonses.com ~all', false],
    ['v=spf1 -all include:amazonses.com', false],
    ['v=spf1 include:amazonses.com.example.org ~all', false],
  ])('"%s" lets SES through: %j', (txt, expected) => {
    expect(includes(parsed(txt), 'amazonses.com')).toBe(expected);
  });

  it('counts the DNS look-ups of receivers', () => {
    const record = parsed(
      'v=spf1 include:a.org a mx ptr exists:b.org ip4:192.0.2.1 exp=c.org redirect=d.org',
    );
    expect(lookupsOf(record)).toBe(6);
  });

  it.each([
    [
      'keeps all before the ending',
      ['v=spf1 mx ip4:192.0.2.1 -all'],
      'v=spf1 mx ip4:192.0.2.1 include:amazonses.com -all',
    ],
    ['needs no ending', ['v=spf1 mx'], 'v=spf1 mx include:amazonses.com'],
    ['is put before a redirect', ['v=spf1 redirect=a.org'], 'v=spf1 include:amazonses.com redirect=a.org'],
    [
      'takes the softer ending',
      ['v=spf1 mx -all', 'v=spf1 a ?all'],
      'v=spf1 mx a include:amazonses.com ?all',
    ],
    ['repeats nothing', ['v=spf1 mx -all', 'v=spf1 mx a -all'], 'v=spf1 mx a include:amazonses.com -all'],
    [
      'includes a redirect that the other ending would hide',
      ['v=spf1 redirect=a.org', 'v=spf1 mx -all'],
      'v=spf1 include:a.org mx include:amazonses.com -all',
    ],
    [
      'does not activate terms after "all"',
      ['v=spf1 mx -all a:b.org'],
      'v=spf1 mx include:amazonses.com -all',
    ],
    [
      'inverts the refusal of SES',
      ['v=spf1 -include:amazonses.com -all'],
      'v=spf1 include:amazonses.com -all',
    ],
  ])('merged, %s', (_, records, expected) => {
    const merged = mergeSpf(records.map(parsed), 'amazonses.com');
    expect(merged).toBe(expected);
    expect(includes(parsed(merged), 'amazonses.com')).toBe(true);
  });
});

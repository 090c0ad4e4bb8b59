import { describe, expect, it } from '@jest/globals';
import {
  type DmarcRecord,
  isDmarc,
  mergeDmarc,
  parseDmarc,
  withoutTag,
} from '../../../../lib/cli/lookups/dns/dmarc-record.ts';

function parsed(txt: string): DmarcRecord {
  const record = parseDmarc(txt);
  if (record === undefined) throw new Error(`it cannot be read: ${txt}`);
  return record;
}

describe('a DMARC record', () => {
  it.each([
    ['v=DMARC1', true],
    ['v = DMARC1 ; p=none', true],
    ['v=dmarc1; p=none', false],
    ['v=DMARC1 p=none', false],
    ['p=none; v=DMARC1', false],
  ])('"%s" is one: %j', (txt, expected) => {
    expect(isDmarc(txt)).toBe(expected);
  });

  it.each([
    ['v=DMARC1; p=none;', { policy: 'none', spfMode: 'relaxed', dkimMode: 'relaxed' }],
    ['v=DMARC1;p=Reject;aspf=s', { policy: 'reject', spfMode: 'strict', dkimMode: 'relaxed' }],
    [
      'v=DMARC1; p=quarantine; ADKIM=S; aspf=r',
      { policy: 'quarantine', spfMode: 'relaxed', dkimMode: 'strict' },
    ],
    ['v=DMARC1; rua=mailto:a@example.org', { policy: 'none', spfMode: 'relaxed', dkimMode: 'relaxed' }],
  ])('is read: %s', (txt, expected) => {
    expect(parseDmarc(txt)).toMatchObject(expected);
  });

  it.each(['v=DMARC1;', 'v=DMARC1; p=on', 'v=DMARC1; p=', 'p=none'])('is ignored by receivers: %s', (txt) => {
    expect(parseDmarc(txt)).toBeUndefined();
  });

  it.each([
    [
      'keeps a single one',
      ['v=DMARC1; p=reject; sp=none; rua=mailto:a@example.org; pct=50'],
      'v=DMARC1; p=reject; sp=none; rua=mailto:a@example.org; pct=50;',
    ],
    [
      'has the weakest policy, and reports to all',
      [
        'v=DMARC1; p=reject; rua=mailto:a@example.org, mailto:c@example.org',
        'v=DMARC1; p=quarantine; rua=mailto:a@example.org,mailto:b@example.org; adkim=s',
      ],
      'v=DMARC1; p=quarantine; rua=mailto:a@example.org,mailto:c@example.org,mailto:b@example.org; adkim=s;',
    ],
    [
      'states the policy that was only implied',
      ['v=DMARC1; rua=mailto:a@example.org', 'v=DMARC1; p=reject'],
      'v=DMARC1; p=none; rua=mailto:a@example.org;',
    ],
  ])('merged, %s', (_, records, expected) => {
    const merged = mergeDmarc(records.map(parsed));
    expect(merged).toBe(expected);
    expect(parseDmarc(merged)).toBeDefined();
  });

  it('loses one tag and keeps the others', () => {
    const relaxed = withoutTag(parsed('v=DMARC1; p=reject; aspf=s; rua=mailto:a@example.org'), 'aspf');
    expect(relaxed).toBe('v=DMARC1; p=reject; rua=mailto:a@example.org;');
  });
});

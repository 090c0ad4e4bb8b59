import { describe, expect, it } from '@jest/globals';
import { judgeDomainSpf } from '../../../../lib/cli/lookups/dns/judge-records.ts';

const judge = (...values: string[]) => judgeDomainSpf({ values, atDoubledName: [] });

describe('the SPF of the domain itself', () => {
  it.each([
    ['ok', 'ok', ['v=spf1 mx -all', 'a-verification=1']],
    ['missing', 'warn', ['a-verification=1']],
    ['duplicate', 'fail', ['v=spf1 mx -all', 'v=spf1 -all']],
    ['wrong', 'fail', ['v=spf1 ipv4:192.0.2.1 -all']],
    [
      'wrong',
      'fail',
      [`v=spf1 ${Array.from({ length: 11 }, (_, index) => `include:${index}.org`).join(' ')} -all`],
    ],
  ] as const)('is %s (%s) as %j, and SES needs no change', (status, level, values) => {
    const verdict = judge(...values);
    expect(verdict).toMatchObject({ status, level });
    expect(verdict.notes.at(-1)).toContain('no change for SES');
  });

  it('accepts ten look-ups', () => {
    const ten = Array.from({ length: 10 }, (_, index) => `include:${index}.org`);
    expect(judge(`v=spf1 ${ten.join(' ')} -all`).status).toBe('ok');
  });
});

import { describe, expect, it } from '@jest/globals';
import { parseDmarc } from '../../../../lib/cli/lookups/dns/dmarc-record.ts';
import { type AlignmentFacts, judgeAlignment } from '../../../../lib/cli/lookups/dns/judge-alignment.ts';

const facts = (changes: Partial<AlignmentFacts> = {}): AlignmentFacts => ({
  domain: 'example.org',
  mailFromDomain: 'bounce.example.org',
  dmarc: undefined,
  dmarcSeen: true,
  dkimWorks: true,
  mailFromWorks: true,
  domainSpfWorks: true,
  ...changes,
});

const strict = parseDmarc('v=DMARC1; p=reject; aspf=s; adkim=s');

/** In the order: SES by DKIM, SES by SPF, mail-core by SPF, mail-core by DKIM. */
const verdicts = (changes: Partial<AlignmentFacts>) =>
  judgeAlignment(facts(changes)).map(({ aligned }) => aligned);

describe('the alignment that DMARC requires', () => {
  it.each([
    ['is there for SES by both checks', {}, ['yes', 'yes', 'unknown', 'unknown']],
    ['is by DKIM alone with strict modes', { dmarc: strict }, ['yes', 'no', 'unknown', 'unknown']],
    [
      'is by DKIM alone without a MAIL FROM domain',
      { mailFromWorks: false },
      ['yes', 'no', 'unknown', 'unknown'],
    ],
    [
      'is by DKIM alone for a MAIL FROM domain elsewhere',
      { mailFromDomain: 'bounce.example.net' },
      ['yes', 'no', 'unknown', 'unknown'],
    ],
    [
      'is by DKIM alone for a name that only has the same ending',
      { mailFromDomain: 'notexample.org' },
      ['yes', 'no', 'unknown', 'unknown'],
    ],
    ['is by SPF alone without the keys', { dkimWorks: false }, ['no', 'yes', 'unknown', 'unknown']],
    [
      'is not there for mail-core by a broken SPF',
      { domainSpfWorks: false },
      ['yes', 'yes', 'no', 'unknown'],
    ],
    [
      'is unknown if no check could be made',
      { dmarcSeen: false, dkimWorks: undefined, mailFromWorks: undefined, domainSpfWorks: undefined },
      ['unknown', 'unknown', 'unknown', 'unknown'],
    ],
    ['is unknown by SPF if the modes are', { dmarcSeen: false }, ['yes', 'unknown', 'unknown', 'unknown']],
  ])('%s', (_, changes, expected) => {
    expect(verdicts(changes)).toEqual(expected);
  });

  it('says that strict DKIM excludes a From at a subdomain', () => {
    expect(judgeAlignment(facts({ dmarc: strict }))[0]?.why).toContain('adkim=s');
    expect(judgeAlignment(facts())[0]?.why).not.toContain('adkim=s');
  });
});

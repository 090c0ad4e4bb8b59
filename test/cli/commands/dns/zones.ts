import type { NameServerAddress } from '../../../support/name-server.ts';

export const NS = (...servers: readonly NameServerAddress[]): string[] => [
  '@ SOA ns1 host 1 300 300 300 300',
  ...servers.flatMap(({ address }, index) => [`@ NS ns${index + 1}`, `ns${index + 1} A ${address}`]),
];

/** The records of a zone by purpose. */
export const GOOD = {
  dkim: [
    'one._domainkey CNAME one.dkim.amazonses.com.',
    'two._domainkey CNAME two.dkim.amazonses.com.',
    'three._domainkey CNAME three.dkim.amazonses.com.',
  ],
  mailFromMx: ['bounce MX 10 feedback-smtp.eu-west-1.amazonses.com.'],
  mailFromSpf: ['bounce TXT "v=spf1 include:amazonses.com ~all"'],
  dmarc: ['_dmarc TXT "v=DMARC1; p=quarantine; sp=reject; rua=mailto:dmarc@example.org"'],
  domainSpf: ['@ TXT "v=spf1 ip4:192.0.2.25 -all"', '@ TXT "some-verification=1"'],
  other: [] as readonly string[],
};

/** A good zone except for the changes. */
export const recordsWith = (changes: Partial<Record<keyof typeof GOOD, readonly string[]>> = {}): string[] =>
  Object.values({ ...GOOD, ...changes }).flat();

import { SesIdentities } from '../../../../lib/emulators/ses/identities.ts';
import type { NameServerAddress, Zones } from '../../../support/name-server.ts';

const GOOD = {
  mailFrom: [
    'bounce MX 10 feedback-smtp.eu-west-1.amazonses.com.',
    'bounce TXT "v=spf1 include:amazonses.com ~all"',
  ],
  dmarc: ['_dmarc TXT "v=DMARC1; p=quarantine"'],
  domainSpf: ['@ TXT "v=spf1 ip4:192.0.2.25 -all"'],
} as const;

type Parts = Partial<Record<keyof typeof GOOD | 'dkim', readonly string[]>>;

/** One zone for each state of the DNS under test, all on one server. */
export function doctorZones({ address }: NameServerAddress): Zones {
  const zone = (domain: string, changes: Parts = {}) => ({
    [domain]: [
      '@ SOA ns1 host 1 300 300 300 300',
      '@ NS ns1',
      `ns1 A ${address}`,
      ...Object.values({ dkim: dkimRecords(domain), ...GOOD, ...changes }).flat(),
    ],
  });
  return {
    ...zone('good.test'),
    ...zone('no-dkim.test', { dkim: dkimRecords('no-dkim.test').slice(1) }),
    ...zone('wrong-mx.test', {
      mailFrom: [
        'bounce MX 10 feedback-smtp.us-east-1.amazonses.com.',
        'bounce TXT "v=spf1 include:amazonses.com ~all"',
      ],
    }),
    ...zone('collision.test', {
      mailFrom: [
        'bounce A 192.0.2.25',
        'bounce MX 10 bounce',
        'bounce TXT "v=spf1 include:amazonses.com ~all"',
      ],
    }),
  };
}

function dkimRecords(domain: string): string[] {
  const { dkimTokens } = new SesIdentities().add(domain);
  return dkimTokens.map((token) => `${token}._domainkey CNAME ${token}.dkim.amazonses.com.`);
}

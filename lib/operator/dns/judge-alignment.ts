import { isWithin } from '../../adapters/dns/domain-name.ts';
import type { DmarcRecord } from './dmarc-record.ts';
import type { Alignment } from './dns-finding.ts';

export interface AlignmentFacts {
  readonly domain: string;
  readonly mailFromDomain: string;
  /** Undefined where there is none that receivers would apply: both modes are relaxed then. */
  readonly dmarc: DmarcRecord | undefined;
  readonly dkimWorks: boolean;
  /** Its MX and its SPF: without both, SES uses a domain of its own instead. */
  readonly mailFromWorks: boolean;
  readonly domainSpfWorks: boolean;
}

/**
 * How mail from the domain passes DMARC on either way; one check of the two is enough (RFC 7489, section 3.1).
 * What the DNS does not show is said to be unknown: who signs on mail-core, and with which selector.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dmarc.html
 */
export function judgeAlignment(facts: AlignmentFacts): Alignment[] {
  const { domain, dkimWorks, domainSpfWorks } = facts;
  return [
    {
      way: 'SES',
      by: 'DKIM',
      aligned: dkimWorks ? 'yes' : 'no',
      why: dkimWorks ? dkimReason(facts) : 'its keys are not in the DNS',
    },
    sesBySpf(facts),
    {
      way: 'mail-core',
      by: 'SPF',
      aligned: domainSpfWorks ? 'unknown' : 'no',
      why: domainSpfWorks
        ? `aligned where its envelope sender is at ${domain} and the SPF there names its address`
        : `${domain} has no SPF record that works`,
    },
    {
      way: 'mail-core',
      by: 'DKIM',
      aligned: 'unknown',
      why: `aligned where it signs with d=${domain}; only the header of a mail names the selector`,
    },
  ];
}

/** The identity signs for the mail of subdomains too, which a strict mode takes no longer for its own. */
function dkimReason({ domain, dmarc }: AlignmentFacts): string {
  const strict = dmarc?.dkimMode === 'strict';
  return `d=${domain} is the domain of the From${strict ? '; not of a From at a subdomain, by adkim=s' : ''}`;
}

function sesBySpf({ domain, mailFromDomain, dmarc, mailFromWorks }: AlignmentFacts): Alignment {
  const judged = (aligned: 'yes' | 'no', why: string): Alignment => ({ way: 'SES', by: 'SPF', aligned, why });
  if (!mailFromWorks) return judged('no', `without ${mailFromDomain} SES sends as amazonses.com`);
  if (dmarc?.spfMode === 'strict' && mailFromDomain !== domain) {
    return judged('no', `aspf=s does not take ${mailFromDomain} for ${domain}`);
  }
  return isWithin(mailFromDomain, domain)
    ? judged('yes', `${mailFromDomain} lies in ${domain}`)
    : judged('no', `${mailFromDomain} does not lie in ${domain}`);
}

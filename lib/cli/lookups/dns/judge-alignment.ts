import { isWithin } from '../../../adapters/dns/name-server.ts';
import type { DmarcRecord } from './dmarc-record.ts';
import type { Alignment } from './findings.ts';

export interface AlignmentFacts {
  readonly domain: string;
  readonly mailFromDomain: string;
  /** Undefined if there is no valid record: both modes are then relaxed. */
  readonly dmarc: DmarcRecord | undefined;
  /** False if no server could be queried for it: the modes are then unknown. */
  readonly dmarcSeen: boolean;
  readonly dkimWorks: Works;
  /** Its MX and its SPF: without both, SES falls back to its own domain. */
  readonly mailFromWorks: Works;
  readonly domainSpfWorks: Works;
}

/** Undefined if no server could be queried. */
type Works = boolean | undefined;

/**
 * How mail from the domain passes DMARC by SES and by mail-core; SPF or DKIM is enough (RFC 7489, section
 * 3.1). What the DNS does not show is reported as unknown: who signs on mail-core, and with which selector.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dmarc.html
 */
export function judgeAlignment(facts: AlignmentFacts): Alignment[] {
  const { domain } = facts;
  return [
    sesByDkim(facts),
    sesBySpf(facts),
    mailCoreBySpf(facts),
    {
      way: 'mail-core',
      by: 'DKIM',
      aligned: 'unknown',
      why: `aligned where it signs with d=${domain}; only the header of a mail names the selector`,
    },
  ];
}

function sesByDkim(facts: AlignmentFacts): Alignment {
  const judged = (aligned: Alignment['aligned'], why: string): Alignment => ({
    way: 'SES',
    by: 'DKIM',
    aligned,
    why,
  });
  if (facts.dkimWorks === undefined) return judged('unknown', 'no server could be asked for its keys');
  return facts.dkimWorks ? judged('yes', dkimReason(facts)) : judged('no', 'its keys are not in the DNS');
}

function mailCoreBySpf({ domain, domainSpfWorks }: AlignmentFacts): Alignment {
  const judged = (aligned: Alignment['aligned'], why: string): Alignment => ({
    way: 'mail-core',
    by: 'SPF',
    aligned,
    why,
  });
  if (domainSpfWorks === undefined)
    return judged('unknown', `no server could be asked for the SPF of ${domain}`);
  return domainSpfWorks
    ? judged(
        'unknown',
        `aligned where its envelope sender is at ${domain} and the SPF there names its address`,
      )
    : judged('no', `${domain} has no SPF record that works`);
}

/** The identity also signs mail from subdomains, which is not aligned in strict mode. */
function dkimReason({ domain, dmarc }: AlignmentFacts): string {
  const strict = dmarc?.dkimMode === 'strict';
  return `d=${domain} is the domain of the From${strict ? '; not of a From at a subdomain, by adkim=s' : ''}`;
}

function sesBySpf({ domain, mailFromDomain, dmarc, dmarcSeen, mailFromWorks }: AlignmentFacts): Alignment {
  const judged = (aligned: Alignment['aligned'], why: string): Alignment => ({
    way: 'SES',
    by: 'SPF',
    aligned,
    why,
  });
  if (mailFromWorks === undefined) {
    return judged('unknown', `no server could be asked for the records of ${mailFromDomain}`);
  }
  if (!mailFromWorks) return judged('no', `without ${mailFromDomain} SES sends as amazonses.com`);
  if (dmarc?.spfMode === 'strict' && mailFromDomain !== domain) {
    return judged('no', `aspf=s does not take ${mailFromDomain} for ${domain}`);
  }
  if (!isWithin(mailFromDomain, domain)) return judged('no', `${mailFromDomain} does not lie in ${domain}`);
  if (!dmarcSeen)
    return judged('unknown', 'no server could be asked for the DMARC record, which may be strict');
  return judged('yes', `${mailFromDomain} lies in ${domain}`);
}

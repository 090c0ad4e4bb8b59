import type { LiveDns } from '../../adapters/dns/live-dns.ts';
import { parseDmarc } from './dmarc-record.ts';
import type { Alignment, DnsFinding } from './dns-finding.ts';
import { findingOfServers } from './finding-of-servers.ts';
import { withInheritedDmarc } from './inherited-dmarc.ts';
import { judgeAlignment } from './judge-alignment.ts';
import { judgeMailFromHost } from './judge-host.ts';
import { judgeRecord } from './judge-record.ts';
import { judgeDomainSpf } from './judge-spf.ts';
import { domainOf, type NeededRecord, recordFor } from './needed-records.ts';
import { ZoneObserver } from './zone-observer.ts';

/**
 * Holds what is needed against what each authoritative server of the zone says: one finding for each record, then
 * for what else could be in the way. What cannot be asked is a finding too.
 *
 * @throws the reason of the signal that the DNS was given, once it aborts
 */
export async function checkDns(needed: readonly NeededRecord[], dns: LiveDns): Promise<DnsFinding[]> {
  const observer = new ZoneObserver(dns);
  const domain = domainOf(needed);
  const mailFromDomain = recordFor(needed, 'mail-from-mx').name;
  const findings = await Promise.all([
    ...needed.filter(({ purpose }) => purpose !== 'dmarc').map((record) => checkRecord(observer, record)),
    checkDmarc(observer, recordFor(needed, 'dmarc'), domain, dns),
    checkHost(observer, mailFromDomain, 'A'),
    checkHost(observer, mailFromDomain, 'AAAA'),
    checkDomainSpf(observer, domain),
  ]);
  const alignment = alignmentOf(findings, domain, mailFromDomain);
  const told = findings.map((finding) => (finding.purpose === 'dmarc' ? { ...finding, alignment } : finding));
  return findings.every(isUnreachable) ? told.map((finding) => namingResolver(finding, dns)) : told;
}

/** Where nothing at all answers, the way there is the first to doubt. */
function namingResolver(finding: DnsFinding, { resolverAddresses }: LiveDns): DnsFinding {
  const asked = resolverAddresses.join(', ');
  const doubt = `the resolver asked is ${asked}; to ask another: --resolver 9.9.9.9:53`;
  return { ...finding, mend: finding.mend === undefined ? doubt : `${finding.mend}; ${doubt}` };
}

const isUnreachable = ({ status }: DnsFinding) => status === 'unreachable';

async function checkRecord(observer: ZoneObserver, record: NeededRecord): Promise<DnsFinding> {
  const { purpose, name, type, value } = record;
  const view = await observer.observe(type, name);
  return findingOfServers({ purpose, name, type, wanted: value }, view, (seen) => judgeRecord(record, seen));
}

async function checkDmarc(
  observer: ZoneObserver,
  record: NeededRecord,
  domain: string,
  dns: LiveDns,
): Promise<DnsFinding> {
  return withInheritedDmarc(await checkRecord(observer, record), domain, dns.resolver);
}

async function checkHost(observer: ZoneObserver, name: string, type: 'A' | 'AAAA'): Promise<DnsFinding> {
  const subject = { purpose: 'mail-from-host', name, type } as const;
  return findingOfServers(subject, await observer.observe(type, name), (seen) =>
    judgeMailFromHost(name, seen),
  );
}

async function checkDomainSpf(observer: ZoneObserver, domain: string): Promise<DnsFinding> {
  const subject = { purpose: 'domain-spf', name: domain, type: 'TXT' } as const;
  return findingOfServers(subject, await observer.observe('TXT', domain), judgeDomainSpf);
}

function alignmentOf(
  findings: readonly DnsFinding[],
  domain: string,
  mailFromDomain: string,
): readonly Alignment[] {
  const works = (...purposes: readonly DnsFinding['purpose'][]) => {
    const about = findings.filter(({ purpose }) => purposes.includes(purpose));
    // One that is seen to be broken is enough, whatever the others are.
    if (about.some((finding) => finding.status !== 'ok' && !isUnreachable(finding))) return false;
    return about.some(isUnreachable) ? undefined : true;
  };
  const dmarc = findings.find(({ purpose, status }) => purpose === 'dmarc' && status === 'ok');
  return judgeAlignment({
    domain,
    mailFromDomain,
    dmarc: parseDmarc(dmarc?.found[0] ?? ''),
    dmarcSeen: !findings.some((finding) => finding.purpose === 'dmarc' && isUnreachable(finding)),
    dkimWorks: works('dkim'),
    mailFromWorks: works('mail-from-mx', 'mail-from-spf'),
    domainSpfWorks: works('domain-spf'),
  });
}

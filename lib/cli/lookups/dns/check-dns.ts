import type { LiveDns } from '../../../adapters/dns/live-dns.ts';
import { type NameServer, nameAndParents, valuesOf } from '../../../adapters/dns/name-server.ts';
import { isDmarc, parseDmarc } from './dmarc-record.ts';
import type { Alignment, DnsFinding, FindingLevel, ServerRemark, Verdict } from './findings.ts';
import { judgeAlignment } from './judge-alignment.ts';
import { judgeDomainSpf, judgeMailFromHost, judgeRecord } from './judge-records.ts';
import { domainOf, type NeededRecord, recordFor } from './needed-records.ts';
import { type SeenRecords, type ServerView, ZoneObserver, type ZoneView } from './observe-zone.ts';

/**
 * Compares the needed records with the response of each authoritative server of the zone: one finding per
 * record, then one per possible conflict. A failed query is a finding too.
 *
 * @throws the reason of the signal passed to `dns`, once it aborts
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
  const reported = findings.map((finding) =>
    finding.purpose === 'dmarc' ? { ...finding, alignment } : finding,
  );
  return findings.every(isUnreachable) ? reported.map((finding) => nameResolver(finding, dns)) : reported;
}

/** If no query succeeds, suspect the resolver first. */
function nameResolver(finding: DnsFinding, { resolverAddresses }: LiveDns): DnsFinding {
  const asked = resolverAddresses.join(', ');
  const hint = `the resolver asked is ${asked}; to ask another: --resolver 9.9.9.9:53`;
  return { ...finding, fix: finding.fix === undefined ? hint : `${finding.fix}; ${hint}` };
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
    // One broken record is enough, whatever the others are.
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

/** The record a finding is about. */
type FindingSubject = Pick<DnsFinding, 'purpose' | 'name' | 'type' | 'wanted'>;

interface JudgedServer {
  readonly host: string;
  readonly verdict: Verdict;
}

const BADNESS: readonly FindingLevel[] = ['ok', 'warn', 'fail'];

/** Merges the verdicts on all servers into one finding: the worst counts, since any server may be queried. */
function findingOfServers(
  subject: FindingSubject,
  view: ZoneView,
  judge: (seen: SeenRecords) => Verdict,
): DnsFinding {
  if (view.kind === 'not-found') {
    return unreachable(subject, [view.why], [], 'check the name, its delegation, and --resolver');
  }
  const silent = view.servers
    .filter((server) => server.kind === 'silent')
    .map(({ host, why }) => says(host, why));
  const judged = view.servers.flatMap((server) => judgedServer(server, judge));
  const [worst] = judged.toSorted((one, other) => badnessOf(other.verdict) - badnessOf(one.verdict));
  if (worst === undefined) {
    const notes = [`no server of ${view.zone} could be asked`];
    return unreachable(
      subject,
      notes,
      silent,
      `check the servers of ${view.zone}, and UDP port 53 from here`,
    );
  }
  const agreed = { ...subject, ...worst.verdict, servers: silent };
  if (judged.some((server) => !isSame(server.verdict, worst.verdict))) {
    return disagreed(agreed, judged, silent, view.zone);
  }
  return silent.length === 0 ? agreed : partlySilent(agreed, view.zone);
}

function judgedServer(server: ServerView, judge: (seen: SeenRecords) => Verdict): JudgedServer[] {
  return server.kind === 'answered' ? [{ host: server.host, verdict: judge(server.seen) }] : [];
}

function unreachable(
  subject: FindingSubject,
  notes: readonly string[],
  servers: readonly ServerRemark[],
  fix: string,
): DnsFinding {
  return { ...subject, status: 'unreachable', level: 'fail', found: [], notes, fix, servers };
}

function disagreed(
  finding: DnsFinding,
  judged: readonly JudgedServer[],
  silent: readonly ServerRemark[],
  zone: string,
): DnsFinding {
  const remarks = judged.map(({ host, verdict }) => says(host, sayingOf(verdict)));
  const wait = `wait until all servers of ${zone} have the same; if that lasts, ask the provider of the zone`;
  // If one server is correct, the record was entered; the operator need not enter it again.
  const isEntered = judged.some(({ verdict }) => verdict.level === 'ok');
  return {
    ...finding,
    level: finding.level === 'ok' ? 'warn' : finding.level,
    notes: ['the servers of the zone disagree', ...finding.notes],
    fix: isEntered ? wait : `${finding.fix ?? ''}; then ${wait}`,
    servers: [...remarks, ...silent],
  };
}

function partlySilent(finding: DnsFinding, zone: string): DnsFinding {
  if (finding.level !== 'ok') return finding;
  const fix = `have the NS records of ${zone} name only servers that serve it and answer`;
  return { ...finding, level: 'warn', notes: [...finding.notes, 'not all servers answer'], fix };
}

const says = (host: string, what: string): ServerRemark => ({ host, says: what });

const sayingOf = ({ status, found }: Verdict): string =>
  found.length === 0 ? status : `${status}: ${found.join(', ')}`;

const isSame = (one: Verdict, other: Verdict): boolean =>
  one.status === other.status && one.found.join('\n') === other.found.join('\n');

const badnessOf = ({ level }: Verdict): number => BADNESS.indexOf(level);

/**
 * A subdomain without its own record inherits that of its parent domain (RFC 7489, section 6.6.3, step 3).
 *
 * @param finding for the subdomain's record
 */
async function withInheritedDmarc(
  finding: DnsFinding,
  domain: string,
  resolver: NameServer,
): Promise<DnsFinding> {
  if (finding.status !== 'missing') return finding;
  const parents = nameAndParents(domain).slice(1, -1);
  for (const parent of parents) {
    const found = valuesOf(await resolver.ask('TXT', `_dmarc.${parent}`)).filter(isDmarc);
    const [record] = found.map(parseDmarc);
    if (found.length !== 1 || record === undefined) continue;
    const policy = record.tags.get('sp') ?? record.policy;
    const notes = [
      `${domain} has none of its own and is under that of ${parent}, with the policy "${policy}"`,
    ];
    return { ...finding, status: 'ok', level: 'ok', found, notes, fix: undefined };
  }
  return finding;
}

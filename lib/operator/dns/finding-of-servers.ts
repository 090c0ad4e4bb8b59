import type { DnsFinding, FindingLevel, ServerRemark } from './dns-finding.ts';
import type { Verdict } from './verdict.ts';
import type { SeenRecords, ServerView, ZoneView } from './zone-view.ts';

/** What a finding is about. */
export type FindingSubject = Pick<DnsFinding, 'purpose' | 'name' | 'type' | 'wanted'>;

interface JudgedServer {
  readonly host: string;
  readonly verdict: Verdict;
}

const BADNESS: readonly FindingLevel[] = ['ok', 'warn', 'fail'];

/** One finding out of what each server says: the worst counts, since any of them may be the one that is asked. */
export function findingOfServers(
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
  mend: string,
): DnsFinding {
  return { ...subject, status: 'unreachable', level: 'fail', found: [], notes, mend, servers };
}

function disagreed(
  finding: DnsFinding,
  judged: readonly JudgedServer[],
  silent: readonly ServerRemark[],
  zone: string,
): DnsFinding {
  const remarks = judged.map(({ host, verdict }) => says(host, sayingOf(verdict)));
  const wait = `wait until all servers of ${zone} have the same; where that lasts, ask whoever serves the zone`;
  // Where one server has it right, the record was entered; it is not the operator's to enter it again.
  const isEntered = judged.some(({ verdict }) => verdict.level === 'ok');
  return {
    ...finding,
    level: finding.level === 'ok' ? 'warn' : finding.level,
    notes: ['the servers of the zone disagree', ...finding.notes],
    mend: isEntered ? wait : `${finding.mend ?? ''}; then ${wait}`,
    servers: [...remarks, ...silent],
  };
}

function partlySilent(finding: DnsFinding, zone: string): DnsFinding {
  if (finding.level !== 'ok') return finding;
  const mend = `have the NS records of ${zone} name only servers that serve it and answer`;
  return { ...finding, level: 'warn', notes: [...finding.notes, 'not all servers answer'], mend };
}

const says = (host: string, what: string): ServerRemark => ({ host, says: what });

const sayingOf = ({ status, found }: Verdict): string =>
  found.length === 0 ? status : `${status}: ${found.join(', ')}`;

const isSame = (one: Verdict, other: Verdict): boolean =>
  one.status === other.status && one.found.join('\n') === other.found.join('\n');

const badnessOf = ({ level }: Verdict): number => BADNESS.indexOf(level);

import type { FixHints } from '../../../hints.ts';
import type { Alignment, DnsFinding } from '../../../lookups/dns/findings.ts';
import {
  type Check,
  type CheckResult,
  type DoctorContext,
  fail,
  identityStackCheck,
  ok,
  skipped,
  warn,
} from '../check.ts';

type Purpose = DnsFinding['purpose'];

/** The live DNS, as seen on the authoritative servers of the zone. */
export const DNS_RECORD_CHECKS: readonly Check[] = [
  dnsCheck('dkim', 'dkim'),
  dnsCheck('mail-from-mx', 'mail-from-mx'),
  dnsCheck('mail-from-spf', 'mail-from-spf'),
  dnsCheck('mail-from-host', 'mail-from-host'),
  dnsCheck('domain-spf', 'domain-spf'),
  dnsCheck('dmarc', 'dmarc'),
];

function dnsCheck(name: string, purpose: Purpose): Check {
  return identityStackCheck({
    group: 'dns',
    name,
    run: async (context) => {
      const findings = await context.lookups.dnsFindings();
      const own = findings.filter((finding) => finding.purpose === purpose);
      return judge(own, context);
    },
  });
}

function judge(findings: readonly DnsFinding[], { commands }: DoctorContext): CheckResult {
  const level = worstLevel(findings);
  if (level === 'ok') return ok(fine(findings));
  // Failures first.
  const problems = [...withLevel(findings, 'fail'), ...withLevel(findings, 'warn')];
  const [fix = '', ...more] = [...new Set(problems.map((finding) => finding.fix ?? ''))];
  const check = commands.mailctl('dns --check');
  const others = more.length === 0 ? '' : ` (and ${more.length} more: ${check})`;
  return { status: level, detail: problems.map(describeFinding).join('; '), fix: `${fix || check}${others}` };
}

const worstLevel = (findings: readonly DnsFinding[]): DnsFinding['level'] =>
  (['fail', 'warn'] as const).find((level) => withLevel(findings, level).length > 0) ?? 'ok';

const withLevel = (findings: readonly DnsFinding[], level: DnsFinding['level']) =>
  findings.filter((finding) => finding.level === level);

function fine(findings: readonly DnsFinding[]): string {
  const [first, ...more] = findings;
  if (first === undefined) return 'nothing is needed';
  const types = [...new Set(findings.map(({ type }) => type))].join(' or ');
  if (first.found.length === 0) return `${first.name} has no ${types}, as it should be`;
  return more.length === 0
    ? `${first.name} ${types} ${first.found.join(', ')}`
    : `all ${findings.length} ${types} records are there`;
}

function describeFinding({ name, type, status, found, notes, servers }: DnsFinding): string {
  const what = `${name} ${type}${status === 'ok' ? '' : ` is ${STATUS_TEXT[status]}`}`;
  const seen = found.length === 0 || status === 'ok' ? '' : `: ${found.join(', ')}`;
  const remarks = [...notes, ...servers.map(({ host, says }) => `${host}: ${says}`)];
  return remarks.length === 0 ? `${what}${seen}` : `${what}${seen} (${remarks.join('; ')})`;
}

const STATUS_TEXT: Readonly<Record<Exclude<DnsFinding['status'], 'ok'>, string>> = {
  missing: 'missing',
  wrong: 'wrong',
  duplicate: 'there more than once',
  collision: "another owner's",
  unreachable: 'not to be seen',
};

/** Whether mail passes DMARC, by SES and by mail-core. */
export const DNS_ALIGNMENT_CHECKS: readonly Check[] = [
  alignmentCheck('alignment-ses', 'SES', judgeSes),
  alignmentCheck('alignment-mail-core', 'mail-core', judgeMailCore),
];

type Judge = (alignments: readonly Alignment[], commands: FixHints) => CheckResult;

function alignmentCheck(name: string, way: Alignment['way'], judge: Judge): Check {
  return identityStackCheck({
    group: 'dns',
    name,
    run: async ({ lookups, commands }) => {
      const findings = await lookups.dnsFindings();
      if (findings.some(({ status }) => status === 'unreachable')) {
        return skipped('not all records are to be seen');
      }
      return judge(alignmentsOf(findings, way), commands);
    },
  });
}

/** Either SPF or DKIM is enough (RFC 7489, section 3.1). */
function judgeSes(alignments: readonly Alignment[], commands: FixHints): CheckResult {
  const detail = alignments.map(describeAlignment).join('; ');
  if (alignments.some(({ aligned }) => aligned === 'yes')) return ok(detail);
  return fail(detail, `enter the records that ${commands.mailctl('dns --check')} names`);
}

/** The DNS does not show how mail-core signs, so warn only if an alignment is a clear "no". */
function judgeMailCore(alignments: readonly Alignment[], commands: FixHints): CheckResult {
  const detail = alignments.map(describeAlignment).join('; ');
  if (alignments.every(({ aligned }) => aligned !== 'no')) return ok(detail);
  return warn(
    detail,
    `give the domain one SPF record that names mail-core: ${commands.mailctl('dns --check')}`,
  );
}

const alignmentsOf = (findings: readonly DnsFinding[], way: Alignment['way']) =>
  findings.flatMap(({ alignment = [] }) => alignment).filter((alignment) => alignment.way === way);

const describeAlignment = ({ by, aligned, why }: Alignment) => `by ${by} ${aligned}: ${why}`;

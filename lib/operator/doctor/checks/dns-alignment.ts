import type { Alignment, DnsFinding } from '../../dns/dns-finding.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, fail, ok, skipped, warn } from '../check.ts';
import { identityStackCheck } from '../identity-stack-check.ts';

/** Whether mail passes DMARC, on either way. */
export const DNS_ALIGNMENT_CHECKS: readonly Check[] = [
  alignmentCheck('alignment-ses', 'SES', judgeSes),
  alignmentCheck('alignment-mail-core', 'mail-core', judgeMailCore),
];

type Judge = (alignments: readonly Alignment[], commands: MendCommands) => CheckResult;

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

/** One that passes is enough (RFC 7489, section 3.1). */
function judgeSes(alignments: readonly Alignment[], commands: MendCommands): CheckResult {
  const detail = alignments.map(told).join('; ');
  if (alignments.some(({ aligned }) => aligned === 'yes')) return ok(detail);
  return fail(detail, `enter the records that ${commands.mailctl('dns --check')} names`);
}

/** The DNS does not show what mail-core signs; only what it says outright can be held against it. */
function judgeMailCore(alignments: readonly Alignment[], commands: MendCommands): CheckResult {
  const detail = alignments.map(told).join('; ');
  if (alignments.every(({ aligned }) => aligned !== 'no')) return ok(detail);
  return warn(
    detail,
    `give the domain one SPF record that names mail-core: ${commands.mailctl('dns --check')}`,
  );
}

const alignmentsOf = (findings: readonly DnsFinding[], way: Alignment['way']) =>
  findings.flatMap(({ alignment = [] }) => alignment).filter((alignment) => alignment.way === way);

const told = ({ by, aligned, why }: Alignment) => `by ${by} ${aligned}: ${why}`;

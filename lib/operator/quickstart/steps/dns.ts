import { LiveDns } from '../../../adapters/dns/live-dns.ts';
import { checkDns } from '../../dns/check-dns.ts';
import type { DnsFinding } from '../../dns/dns-finding.ts';
import { type IdentityStanding, identityStanding } from '../identity-standing.ts';
import { done, open, type QuickstartContext, type QuickstartStep, stopped } from '../quickstart-step.ts';

export const DNS: QuickstartStep = {
  name: 'dns',
  explain: () =>
    'The domain has to say that SES may send for it: three DKIM keys, MX and SPF of the MAIL FROM domain, and DMARC.',
  isDone: async (context) => {
    const standing = await identityStanding(context);
    if (standing.verified) return done(`SES has found the records of ${standing.domain}`);
    const findings = await liveFindings(context, standing);
    const missing = findings.filter(({ level }) => level === 'fail');
    if (missing.length === 0) return done(`the records of ${standing.domain} are in the DNS`);
    const detail = `${missing.length} records of ${standing.domain} are not as they must be`;
    return open(detail, ...missing.map(todoOf), ...hintsOf(context));
  },
  // Nobody but who serves the domain can enter them.
  run: async (_context, before) => stopped(before),
};

function liveFindings(
  { options, signal, terminal }: QuickstartContext,
  { needed }: IdentityStanding,
): Promise<readonly DnsFinding[]> {
  terminal.note("Asking the zone's own servers …");
  const { resolver, serverPort: port } = options;
  return checkDns(needed, new LiveDns({ resolver, port, signal }));
}

function todoOf({ name, type, wanted, status, mend }: DnsFinding): string {
  return status === 'missing' && wanted !== undefined
    ? `add ${name} ${type} ${wanted}`
    : `${name} ${type} is ${status}: ${mend ?? 'put it right'}`;
}

function hintsOf({ commands }: QuickstartContext): readonly string[] {
  return [
    `${commands.mailctl('dns --format bind')} (or route53, terraform) prints all of them for the DNS`,
    `${commands.mailctl('dns --check')} says more of each`,
  ];
}

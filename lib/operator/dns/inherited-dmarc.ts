import { valuesOf } from '../../adapters/dns/dns-answer.ts';
import { nameAndParents } from '../../adapters/dns/domain-name.ts';
import type { NameServer } from '../../adapters/dns/name-server.ts';
import { isDmarc, parseDmarc } from './dmarc-record.ts';
import type { DnsFinding } from './dns-finding.ts';

/**
 * A subdomain without a record of its own is under that of the domain above it (RFC 7489, section 6.6.3, step 3).
 *
 * @param finding that there is none
 */
export async function withInheritedDmarc(
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
    return { ...finding, status: 'ok', level: 'ok', found, notes, mend: undefined };
  }
  return finding;
}

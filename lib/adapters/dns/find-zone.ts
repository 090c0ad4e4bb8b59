import { type DnsFailure, valuesOf } from './dns-answer.ts';
import { nameAndParents } from './domain-name.ts';
import type { NameServer } from './name-server.ts';

export interface ZoneServer {
  readonly host: string;
  /** IPv4 where it has one: many a network has no IPv6. Empty where its name leads nowhere. */
  readonly addresses: readonly string[];
}

/** The zone that a name lies in, and who serves it. */
export type ZoneLookup =
  | { readonly kind: 'found'; readonly zone: string; readonly servers: readonly ZoneServer[] }
  | { readonly kind: 'no-zone' }
  | { readonly kind: 'failed'; readonly failure: DnsFailure };

/**
 * Walks up from the name to the first that has NS records.
 *
 * @throws the signal's reason, once it aborts
 */
export async function findZone(resolver: NameServer, name: string): Promise<ZoneLookup> {
  // A top-level domain is never the operator's to change.
  for (const candidate of nameAndParents(name).slice(0, -1)) {
    const answer = await resolver.ask('NS', candidate);
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'none' || (await isAlias(resolver, candidate))) continue;
    const servers = answer.values.map((host) => locate(resolver, host));
    return { kind: 'found', zone: candidate, servers: await Promise.all(servers) };
  }
  return { kind: 'no-zone' };
}

/** The NS records that a resolver tells for an alias are those of the name it leads to. */
async function isAlias(resolver: NameServer, name: string): Promise<boolean> {
  return valuesOf(await resolver.ask('CNAME', name)).length > 0;
}

async function locate(resolver: NameServer, host: string): Promise<ZoneServer> {
  const addresses = valuesOf(await resolver.ask('A', host));
  if (addresses.length > 0) return { host, addresses };
  return { host, addresses: valuesOf(await resolver.ask('AAAA', host)) };
}

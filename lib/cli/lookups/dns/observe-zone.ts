import { findZone, type LiveDns, type ZoneLookup, type ZoneServer } from '../../../adapters/dns/live-dns.ts';
import {
  type DnsAnswer,
  type DnsFailure,
  isWithin,
  type NameServer,
  nameAndParents,
  type RecordType,
  valuesOf,
} from '../../../adapters/dns/name-server.ts';

const FAILURE_TEXT: Readonly<Record<DnsFailure, string>> = {
  timeout: 'gave no answer in time',
  refused: 'refuses to answer',
  servfail: 'answers SERVFAIL',
  unreachable: 'cannot be reached',
  malformed: 'gives an answer that cannot be read',
};

type ServerCheck = { readonly serves: NameServer } | { readonly why: string };

/** Queries every authoritative server of a name's zone. Each zone and each server is looked up once. */
export class ZoneObserver {
  readonly #dns: LiveDns;
  readonly #zones = new Map<string, Promise<ZoneLookup>>();
  readonly #servers = new Map<string, Promise<ServerCheck>>();

  constructor(dns: LiveDns) {
    this.#dns = dns;
  }

  /** @throws the signal's reason, once it aborts */
  async observe(type: RecordType, name: string): Promise<ZoneView> {
    const lookup = await once(this.#zones, name, () => findZone(this.#dns.resolver, name));
    if (lookup.kind === 'no-zone') return { kind: 'not-found', why: `there is no zone above ${name}` };
    if (lookup.kind === 'failed') {
      return { kind: 'not-found', why: `the resolver ${FAILURE_TEXT[lookup.failure]}` };
    }
    const { zone, servers } = lookup;
    return {
      kind: 'served',
      zone,
      servers: await Promise.all(servers.map((server) => this.#ask(server, zone, type, name))),
    };
  }

  async #ask(server: ZoneServer, zone: string, type: RecordType, name: string): Promise<ServerView> {
    const { host } = server;
    const checked = await once(this.#servers, `${zone} ${host}`, () => this.#check(server, zone));
    if ('why' in checked) return { kind: 'silent', host, why: checked.why };
    const seen = await this.#query(checked.serves, zone, type, name);
    return 'values' in seen
      ? { kind: 'answered', host, seen }
      : { kind: 'silent', host, why: FAILURE_TEXT[seen.failure] };
  }

  /** A server that is delegated a zone but has no SOA for it is "lame". */
  async #check({ host, addresses }: ZoneServer, zone: string): Promise<ServerCheck> {
    if (addresses.length === 0) return { why: `has no address: ${host} leads nowhere` };
    const server = this.#dns.serverAt(addresses);
    const answer = await server.ask('SOA', zone);
    if (answer.kind === 'records') return { serves: server };
    if (answer.kind === 'none') return { why: `does not serve ${zone}` };
    const lame = answer.failure === 'refused' || answer.failure === 'servfail';
    return { why: `${FAILURE_TEXT[answer.failure]}${lame ? `: it does not serve ${zone}` : ''}` };
  }

  async #query(
    server: NameServer,
    zone: string,
    type: RecordType,
    name: string,
  ): Promise<SeenRecords | { readonly failure: DnsFailure }> {
    const alias = type === 'CNAME' ? undefined : valuesOf(await server.ask('CNAME', name))[0];
    if (alias !== undefined) {
      // The target may be in a zone that this server does not serve.
      const values = valuesOf(await this.#dns.resolver.ask(type, alias));
      return { values, alias, atDoubledName: [] };
    }
    const answer = await withoutWildcard(server, zone, type, name);
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'records') return { values: answer.values, atDoubledName: [] };
    return { values: [], atDoubledName: valuesOf(await server.ask(type, `${name}.${zone}`)) };
  }
}

/** A wildcard's answer is not a record of the name: the first record added at the name replaces it. */
async function withoutWildcard(
  server: NameServer,
  zone: string,
  type: RecordType,
  name: string,
): Promise<DnsAnswer> {
  const answer = await server.ask(type, name);
  if (answer.kind !== 'records') return answer;
  for (const parent of nameAndParents(name).slice(1)) {
    if (!isWithin(parent, zone)) break;
    const wildcard = valuesOf(await server.ask(type, `*.${parent}`));
    if (wildcard.length > 0 && wildcard.join('\n') === answer.values.join('\n')) return { kind: 'none' };
  }
  return answer;
}

function once<Key, Value>(known: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>) {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make();
  known.set(key, value);
  return value;
}

/** One server's records for a name, or why it gave none. */
export type ServerView =
  | { readonly kind: 'answered'; readonly host: string; readonly seen: SeenRecords }
  | { readonly kind: 'silent'; readonly host: string; readonly why: string };

export interface SeenRecords {
  /** Records of the name itself, without those synthesised from a wildcard. */
  readonly values: readonly string[];
  /** Target of a CNAME at the name. The values are then those of the target. */
  readonly alias?: string | undefined;
  /** If the name has no records: the values at the name with the zone appended twice. */
  readonly atDoubledName: readonly string[];
}

export type ZoneView =
  | { readonly kind: 'served'; readonly zone: string; readonly servers: readonly ServerView[] }
  | { readonly kind: 'not-found'; readonly why: string };

import { promises } from 'node:dns';
import { type DnsFailure, NameServer, nameAndParents, valuesOf } from './name-server.ts';

export interface LiveDnsOptions {
  /** `HOST:PORT` of the resolver for zones and hosts; HOST is an IP address. @default the system's */
  readonly resolver?: string | undefined;
  /** Port of the servers that are queried directly. @default 53 */
  readonly port?: number;
  /** For the first attempt. @default 3000 */
  readonly timeoutMs?: number;
  /** @default 2 */
  readonly tries?: number;
  readonly signal: AbortSignal;
}

/** Uncached DNS: a resolver for look-ups, and any server by its addresses. */
export class LiveDns {
  readonly resolver: NameServer;
  readonly signal: AbortSignal;
  readonly #options: LiveDnsOptions;
  readonly #servers = new Map<string, NameServer>();
  readonly #resolvers: promises.Resolver[] = [];

  constructor(options: LiveDnsOptions) {
    this.#options = options;
    this.signal = options.signal;
    options.signal.addEventListener(
      'abort',
      () => {
        for (const resolver of this.#resolvers) resolver.cancel();
      },
      { once: true },
    );
    this.resolver = this.#nameServer(options.resolver === undefined ? undefined : [options.resolver]);
  }

  /** The servers of the resolver, as `HOST` or `HOST:PORT`. */
  get resolverAddresses(): readonly string[] {
    return this.#resolvers[0]?.getServers() ?? [];
  }

  /** The server at these addresses; if one does not respond, the next is tried. */
  serverAt(addresses: readonly string[]): NameServer {
    const { port = 53 } = this.#options;
    const key = addresses.join();
    const known = this.#servers.get(key);
    if (known !== undefined) return known;
    const server = this.#nameServer(
      addresses.map((address) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)),
    );
    this.#servers.set(key, server);
    return server;
  }

  #nameServer(servers: readonly string[] | undefined): NameServer {
    const { timeoutMs = 3_000, tries = 2, signal } = this.#options;
    const resolver = new promises.Resolver({ timeout: timeoutMs, tries });
    if (servers !== undefined) resolver.setServers(servers);
    this.#resolvers.push(resolver);
    return new NameServer(resolver, signal);
  }
}

export interface ZoneServer {
  readonly host: string;
  /** IPv4 if it has any, because many networks have no IPv6. Empty if the name does not resolve. */
  readonly addresses: readonly string[];
}

/** The zone of a name and its name servers. */
export type ZoneLookup =
  | { readonly kind: 'found'; readonly zone: string; readonly servers: readonly ZoneServer[] }
  | { readonly kind: 'no-zone' }
  | { readonly kind: 'failed'; readonly failure: DnsFailure };

/**
 * Walks up from the name to the first one with NS records.
 *
 * @throws the signal's reason, once it aborts
 */
export async function findZone(resolver: NameServer, name: string): Promise<ZoneLookup> {
  // The operator can never change a top-level domain.
  for (const candidate of nameAndParents(name).slice(0, -1)) {
    const answer = await resolver.ask('NS', candidate);
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'none' || (await isAlias(resolver, candidate))) continue;
    const servers = answer.values.map((host) => locate(resolver, host));
    return { kind: 'found', zone: candidate, servers: await Promise.all(servers) };
  }
  return { kind: 'no-zone' };
}

/** A resolver returns the NS records of an alias's target for the alias. */
async function isAlias(resolver: NameServer, name: string): Promise<boolean> {
  return valuesOf(await resolver.ask('CNAME', name)).length > 0;
}

async function locate(resolver: NameServer, host: string): Promise<ZoneServer> {
  const addresses = valuesOf(await resolver.ask('A', host));
  if (addresses.length > 0) return { host, addresses };
  return { host, addresses: valuesOf(await resolver.ask('AAAA', host)) };
}

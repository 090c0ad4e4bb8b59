import { promises } from 'node:dns';
import { type DnsFailure, NameServer, nameAndParents, valuesOf } from './name-server.ts';

export interface LiveDnsOptions {
  /** `HOST:PORT` of the resolver that finds zones and hosts, the host as an address. @default the system's */
  readonly resolver?: string | undefined;
  /** Of the servers that are asked directly. @default 53 */
  readonly port?: number;
  /** For the first try. @default 3000 */
  readonly timeoutMs?: number;
  /** @default 2 */
  readonly tries?: number;
  readonly signal: AbortSignal;
}

/** The DNS as it is now: a resolver to find one's way by, and any server by its addresses. */
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

  /** Whom the resolver asks, as `HOST` or `HOST:PORT`. */
  get resolverAddresses(): readonly string[] {
    return this.#resolvers[0]?.getServers() ?? [];
  }

  /** The server at these addresses; the next one is tried where one gives no answer. */
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

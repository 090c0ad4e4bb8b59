import type { promises } from 'node:dns';

/** Maps c-ares errors to failures; an unlisted error is a bug and is thrown. */
const FAILURES: Readonly<Record<string, DnsFailure>> = {
  ETIMEOUT: 'timeout',
  EREFUSED: 'refused',
  ENOTIMP: 'refused',
  ESERVFAIL: 'servfail',
  ECONNREFUSED: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EBADRESP: 'malformed',
  EFORMERR: 'malformed',
  EBADNAME: 'malformed',
};

/** The name does not exist, or has no record of the type. */
const NO_RECORD: readonly string[] = ['ENODATA', 'ENOTFOUND'];

/**
 * A DNS server that is queried directly by the Node.js resolver. It does not expose response flags: an open
 * resolver cannot be distinguished from a server of the zone.
 *
 * @see https://nodejs.org/api/dns.html#error-codes
 */
export class NameServer {
  readonly #resolver: promises.Resolver;
  readonly #signal: AbortSignal;

  /** @param signal once it aborts, the creator of the resolver cancels it */
  constructor(resolver: promises.Resolver, signal: AbortSignal) {
    this.#resolver = resolver;
    this.#signal = signal;
  }

  /** @throws the signal's reason, once it aborts */
  async ask(type: RecordType, name: string): Promise<DnsAnswer> {
    this.#signal.throwIfAborted();
    try {
      const values = await this.#values(type, name);
      return values.length === 0 ? { kind: 'none' } : { kind: 'records', values };
    } catch (error) {
      this.#signal.throwIfAborted();
      return answerOf(error);
    }
  }

  async #values(type: RecordType, name: string): Promise<string[]> {
    const resolver = this.#resolver;
    switch (type) {
      case 'A':
        return (await resolver.resolve4(name)).sort();
      case 'AAAA':
        return (await resolver.resolve6(name)).sort();
      case 'CNAME':
        return (await resolver.resolveCname(name)).map(canonicalName);
      case 'MX':
        return (await resolver.resolveMx(name))
          .map(({ priority, exchange }) => `${priority} ${canonicalName(exchange)}`)
          .sort();
      case 'NS':
        return (await resolver.resolveNs(name)).map(canonicalName).sort();
      case 'SOA':
        return [String((await resolver.resolveSoa(name)).serial)];
      case 'TXT':
        return (await resolver.resolveTxt(name)).map((strings) => strings.join('')).sort();
    }
  }
}

function answerOf(error: unknown): DnsAnswer {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (NO_RECORD.includes(code)) return { kind: 'none' };
  const failure = FAILURES[code];
  if (failure === undefined) throw error;
  return { kind: 'failed', failure };
}

export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'NS' | 'SOA' | 'TXT';

/**
 * Why a query failed. `refused` is the response of a server that does not serve the zone; `unreachable` means
 * that nothing listens on the host, or there is no route to it.
 */
export type DnsFailure = 'timeout' | 'refused' | 'servfail' | 'unreachable' | 'malformed';

/**
 * A server's response. Values are normalized for comparison: host names in lower case without the trailing
 * dot, an MX as `10 host`, a TXT with its strings joined (RFC 7208, section 3.3), an SOA as its serial.
 */
export type DnsAnswer =
  | { readonly kind: 'records'; readonly values: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly failure: DnsFailure };

/** The values of an answer; empty if it has no records. */
export const valuesOf = (answer: DnsAnswer): readonly string[] =>
  answer.kind === 'records' ? answer.values : [];

/** Names compare case-insensitively and without the root dot (RFC 1035, section 2.3.3). */
export const canonicalName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The name and all its parents except the root: a.example.org, example.org, org. */
export function nameAndParents(name: string): string[] {
  const labels = canonicalName(name).split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

export const isWithin = (name: string, domain: string): boolean =>
  name === domain || name.endsWith(`.${domain}`);

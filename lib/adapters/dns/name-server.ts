import type { promises } from 'node:dns';

/** The errors of c-ares by what they mean here; what is not listed is a bug, and thrown. */
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

/** The name is not there, or has no record of the type. */
const NO_RECORD: readonly string[] = ['ENODATA', 'ENOTFOUND'];

/**
 * A DNS server that is asked directly, by the resolver of Node.js. That tells no flags of an answer: a server that
 * recurses for strangers cannot be told from one that serves the zone.
 *
 * @see https://nodejs.org/api/dns.html#error-codes
 */
export class NameServer {
  readonly #resolver: promises.Resolver;
  readonly #signal: AbortSignal;

  /** @param signal once it aborts, whoever made the resolver cancels it */
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
 * Why a question has no answer. `refused` is the answer of a server that does not serve the zone; `unreachable` is a
 * host that says that nothing listens there, or that there is no way to.
 */
export type DnsFailure = 'timeout' | 'refused' | 'servfail' | 'unreachable' | 'malformed';

/**
 * What a server says. Values are in one form, so that they compare: host names in lower case without the last dot,
 * an MX as `10 host`, a TXT with its strings joined (RFC 7208, section 3.3), an SOA as its serial.
 */
export type DnsAnswer =
  | { readonly kind: 'records'; readonly values: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly failure: DnsFailure };

/** The values of an answer; none where there was none. */
export const valuesOf = (answer: DnsAnswer): readonly string[] =>
  answer.kind === 'records' ? answer.values : [];

/** Names compare without case and without the dot of the root (RFC 1035, section 2.3.3). */
export const canonicalName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The name and all it lies in, but for the root: a.example.org, example.org, org. */
export function nameAndParents(name: string): string[] {
  const labels = canonicalName(name).split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

export const isWithin = (name: string, domain: string): boolean =>
  name === domain || name.endsWith(`.${domain}`);

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

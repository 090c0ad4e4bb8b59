/** A term of an SPF record (RFC 7208, section 4.6.1), as it is written and as it is read. */
interface SpfTerm {
  readonly text: string;
  /** `include`, `all`, `redirect`, …: in lower case, without its qualifier. */
  readonly name: string;
  readonly qualifier: '+' | '-' | '~' | '?';
  readonly value: string;
}

export interface SpfRecord {
  readonly terms: readonly SpfTerm[];
}

const MECHANISMS: readonly string[] = ['all', 'include', 'a', 'mx', 'ptr', 'ip4', 'ip6', 'exists'];

/** What a receiver looks up in the DNS, ten of which it does at most (RFC 7208, section 4.6.4). */
const LOOKUPS: readonly string[] = ['include', 'a', 'mx', 'ptr', 'exists', 'redirect'];

const TERM = /^([-+~?]?)([a-z][a-z0-9._-]*)(?:([:=])?(.*))$/i;

/** The softest first: which one of two endings refuses less. */
const SOFTNESS: readonly string[] = ['+', '?', '~', '-'];

/** A record that begins otherwise is none of SPF's, for receivers too (RFC 7208, section 4.5). */
export const isSpf = (txt: string): boolean => /^v=spf1(?: |$)/i.test(txt);

/** Undefined where a receiver would end with "permerror". */
export function parseSpf(txt: string): SpfRecord | undefined {
  const terms: SpfTerm[] = [];
  for (const text of txt.split(' ').slice(1)) {
    if (text === '') continue;
    const term = parseTerm(text);
    if (term === undefined) return undefined;
    terms.push(term);
  }
  return { terms };
}

/** Whether what stands in the included record passes: a term after `all` is never reached. */
export function includes({ terms }: SpfRecord, domain: string): boolean {
  const end = terms.findIndex(({ name }) => name === 'all');
  return terms
    .slice(0, end === -1 ? undefined : end)
    .some(
      ({ name, qualifier, value }) =>
        name === 'include' && qualifier === '+' && value.toLowerCase() === domain,
    );
}

/** How many look-ups the record itself asks for; those of what it includes come on top. */
export const lookupsOf = ({ terms }: SpfRecord): number =>
  terms.filter(({ name }) => LOOKUPS.includes(name)).length;

/**
 * One record that passes all that any of these passes, and the domain. The ending that refuses the least is kept:
 * a merge must not turn away mail that was taken before.
 */
export function mergeSpf(records: readonly SpfRecord[], domain: string): string {
  const ending = endingOf(records);
  const kept = records
    .flatMap((record) => sendersOf(record, ending))
    .filter(({ name, value }) => !isIncludeOf(name, value, domain))
    .map(({ text }) => text);
  return ['v=spf1', ...new Set([...kept, `include:${domain}`]), ...ending].join(' ');
}

function parseTerm(text: string): SpfTerm | undefined {
  const [, qualifier = '', name = '', separator, value = ''] = TERM.exec(text) ?? [];
  const term = {
    text,
    name: name.toLowerCase(),
    qualifier: qualifier === '' ? '+' : (qualifier as SpfTerm['qualifier']),
    value,
  };
  // Unknown modifiers are to be passed over; unknown mechanisms are not.
  if (separator === '=') return qualifier === '' && value !== '' ? term : undefined;
  if (!MECHANISMS.includes(term.name)) return undefined;
  if (term.name === 'all') return separator === undefined && value === '' ? term : undefined;
  const needsValue = !['a', 'mx', 'ptr'].includes(term.name);
  return needsValue && (separator === undefined || value === '') ? undefined : term;
}

const isIncludeOf = (name: string, value: string, domain: string) =>
  name === 'include' && value.toLowerCase() === domain;

/** What stands behind `all` was never reached, and the merge must not begin to pass it. */
function sendersOf({ terms }: SpfRecord, ending: readonly string[]): SpfTerm[] {
  const end = terms.findIndex(({ name }) => name === 'all');
  return terms.slice(0, end === -1 ? undefined : end).flatMap((term) => {
    if (term.name !== 'redirect') return [term];
    // It cannot stay beside the `all` of another record: receivers pass over it then (RFC 7208, section 6.1).
    return ending.includes(term.text) ? [] : [{ ...term, name: 'include', text: `include:${term.value}` }];
  });
}

function endingOf(records: readonly SpfRecord[]): string[] {
  const terms = records.flatMap((record) => record.terms);
  const [softest] = terms
    .filter(({ name }) => name === 'all')
    .sort((one, other) => SOFTNESS.indexOf(one.qualifier) - SOFTNESS.indexOf(other.qualifier));
  const ending = softest ?? terms.find(({ name }) => name === 'redirect');
  return ending === undefined ? [] : [ending.text];
}

/** A term of an SPF record (RFC 7208, section 4.6.1), raw and parsed. */
interface SpfTerm {
  readonly text: string;
  /** `include`, `all`, `redirect`, …: in lower case, without the qualifier. */
  readonly name: string;
  readonly qualifier: '+' | '-' | '~' | '?';
  readonly value: string;
}

export interface SpfRecord {
  readonly terms: readonly SpfTerm[];
}

const MECHANISMS: readonly string[] = ['all', 'include', 'a', 'mx', 'ptr', 'ip4', 'ip6', 'exists'];

/** Terms that cause a DNS lookup; receivers do at most ten (RFC 7208, section 4.6.4). */
const LOOKUPS: readonly string[] = ['include', 'a', 'mx', 'ptr', 'exists', 'redirect'];

const TERM = /^([-+~?]?)([a-z][a-z0-9._-]*)(?:([:=])?(.*))$/i;

/** Softest first, to choose the `all` that rejects the least. */
const SOFTNESS: readonly string[] = ['+', '?', '~', '-'];

/** Receivers ignore records that do not begin like this (RFC 7208, section 4.5). */
export const isSpf = (txt: string): boolean => /^v=spf1(?: |$)/i.test(txt);

/** Undefined if a receiver would return "permerror". */
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

/** Whether the record includes the domain with a pass. Terms after `all` are never reached. */
export function includes({ terms }: SpfRecord, domain: string): boolean {
  const end = terms.findIndex(({ name }) => name === 'all');
  return terms
    .slice(0, end === -1 ? undefined : end)
    .some(
      ({ name, qualifier, value }) =>
        name === 'include' && qualifier === '+' && value.toLowerCase() === domain,
    );
}

/** DNS lookups of the record itself, without those of the records it includes. */
export const lookupsOf = ({ terms }: SpfRecord): number =>
  terms.filter(({ name }) => LOOKUPS.includes(name)).length;

/**
 * One record that passes all senders of these records, and the domain. Keeps the ending that rejects the
 * least: the merge must not cause rejection of mail that was accepted before.
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
  // Unknown modifiers are ignored; unknown mechanisms are an error.
  if (separator === '=') return qualifier === '' && value !== '' ? term : undefined;
  if (!MECHANISMS.includes(term.name)) return undefined;
  if (term.name === 'all') return separator === undefined && value === '' ? term : undefined;
  const needsValue = !['a', 'mx', 'ptr'].includes(term.name);
  return needsValue && (separator === undefined || value === '') ? undefined : term;
}

const isIncludeOf = (name: string, value: string, domain: string) =>
  name === 'include' && value.toLowerCase() === domain;

/** Terms after `all` were never reached, and the merge must not start to pass them. */
function sendersOf({ terms }: SpfRecord, ending: readonly string[]): SpfTerm[] {
  const end = terms.findIndex(({ name }) => name === 'all');
  return terms.slice(0, end === -1 ? undefined : end).flatMap((term) => {
    if (term.name !== 'redirect') return [term];
    // Receivers ignore `redirect` in a record with `all`, which another record may add (RFC 7208, section
    // 6.1).
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

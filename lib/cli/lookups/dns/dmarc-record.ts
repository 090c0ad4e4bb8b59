type DmarcPolicy = 'none' | 'quarantine' | 'reject';

type AlignmentMode = 'relaxed' | 'strict';

export interface DmarcRecord {
  readonly policy: DmarcPolicy;
  readonly spfMode: AlignmentMode;
  readonly dkimMode: AlignmentMode;
  /** In the order of the record, `v` and `p` first; names in lower case. */
  readonly tags: ReadonlyMap<string, string>;
}

/** Weakest first. */
const POLICIES: readonly DmarcPolicy[] = ['none', 'quarantine', 'reject'];

/** Receivers ignore records that do not begin like this; it is case-sensitive (RFC 7489, section 6.6.3). */
export const isDmarc = (txt: string): boolean => /^v\s*=\s*DMARC1\s*(?:;|$)/.test(txt);

/** Undefined if receivers would apply no policy (RFC 7489, section 6.6.3, step 6). */
export function parseDmarc(txt: string): DmarcRecord | undefined {
  if (!isDmarc(txt)) return undefined;
  const tags = new Map<string, string>();
  for (const part of txt.split(';')) {
    const [, name = '', value = ''] = /^\s*([a-z]+)\s*=\s*(.*?)\s*$/i.exec(part) ?? [];
    if (name !== '') tags.set(name.toLowerCase(), value);
  }
  const policy = policyOf(tags);
  if (policy === undefined) return undefined;
  return { policy, spfMode: modeOf(tags.get('aspf')), dkimMode: modeOf(tags.get('adkim')), tags };
}

/**
 * Merges several records, which are all void as long as there is more than one. Keeps the weakest policy: the
 * merge must not cause rejection of mail that was accepted before. Reports go to all addresses of the
 * records.
 */
export function mergeDmarc(records: readonly DmarcRecord[]): string {
  const weakest = POLICIES.find((policy) => records.some((record) => record.policy === policy)) ?? 'none';
  // The policy must directly follow the version (RFC 7489, section 6.4).
  const merged = new Map<string, string>([
    ['v', 'DMARC1'],
    ['p', weakest],
  ]);
  for (const { tags } of records) {
    for (const [name, value] of tags) if (!merged.has(name)) merged.set(name, value);
  }
  for (const name of ['rua', 'ruf']) joinReports(merged, name, records);
  return writeDmarc(merged);
}

/** The record without one of its tags, otherwise unchanged. */
export function withoutTag({ tags }: DmarcRecord, name: string): string {
  return writeDmarc(new Map([...tags].filter(([tag]) => tag !== name)));
}

const writeDmarc = (tags: ReadonlyMap<string, string>): string =>
  [...tags].map(([name, value]) => `${name}=${value};`).join(' ');

function policyOf(tags: ReadonlyMap<string, string>): DmarcPolicy | undefined {
  const policy = POLICIES.find((candidate) => candidate === tags.get('p')?.toLowerCase());
  if (policy !== undefined) return policy;
  // A record without a valid policy but with `rua` counts as "none".
  return tags.has('rua') ? 'none' : undefined;
}

const modeOf = (value: string | undefined): AlignmentMode =>
  value?.toLowerCase() === 's' ? 'strict' : 'relaxed';

function joinReports(merged: Map<string, string>, name: string, records: readonly DmarcRecord[]): void {
  const addresses = records.flatMap(
    ({ tags }) =>
      tags
        .get(name)
        ?.split(',')
        .map((uri) => uri.trim()) ?? [],
  );
  if (addresses.length > 0) merged.set(name, [...new Set(addresses)].join(','));
}

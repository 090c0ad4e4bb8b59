import type { NeededRecord, RecordPurpose } from './needed-records.ts';
import type { SeenRecords } from './observe-zone.ts';

type DnsStatus = 'ok' | 'missing' | 'wrong' | 'duplicate' | 'collision' | 'unreachable';

/** How bad it is, as the exit code tells it. */
export type FindingLevel = 'ok' | 'warn' | 'fail';

/** What one check of the live DNS found. */
export interface DnsFinding {
  readonly purpose: RecordPurpose | 'mail-from-host' | 'domain-spf';
  readonly name: string;
  readonly type: string;
  readonly status: DnsStatus;
  readonly level: FindingLevel;
  /** Absent where nothing is needed there. */
  readonly wanted?: string | undefined;
  readonly found: readonly string[];
  /** One sentence each. */
  readonly notes: readonly string[];
  /** What to do; absent where there is nothing to do. */
  readonly fix?: string | undefined;
  /** The one record to have there instead of what was found, which it keeps what is good of. */
  readonly proposal?: string | undefined;
  /** The servers of the zone that say something else, or nothing; each with what. */
  readonly servers: readonly ServerRemark[];
  /** Of the DMARC record alone: how each way of the mail passes it. */
  readonly alignment?: readonly Alignment[] | undefined;
}

export interface ServerRemark {
  readonly host: string;
  readonly says: string;
}

/** Whether a check that receivers make speaks for the domain of the From. */
export interface Alignment {
  readonly way: 'SES' | 'mail-core';
  readonly by: 'DKIM' | 'SPF';
  readonly aligned: 'yes' | 'no' | 'unknown';
  readonly why: string;
}

/** What one server's records amount to. */
export interface Verdict {
  readonly status: DnsStatus;
  readonly level: FindingLevel;
  readonly found: readonly string[];
  readonly notes: readonly string[];
  readonly fix?: string | undefined;
  readonly proposal?: string | undefined;
}

export const ok = (found: readonly string[], notes: readonly string[] = []): Verdict => ({
  status: 'ok',
  level: 'ok',
  found,
  notes,
});

export const CHOOSE_ANOTHER_SUBDOMAIN =
  'choose another mailFromSubdomain in cdk.json, one that nothing else uses, and deploy again';

/** The record is not there, but perhaps where a slip of the hand has put it. */
export function missing(needed: NeededRecord, { atDoubledName }: SeenRecords): Verdict {
  const bare = { status: 'missing', level: 'fail', found: [] } as const;
  if (!atDoubledName.includes(needed.value)) {
    return { ...bare, notes: [], fix: `add ${needed.name} ${needed.type} ${needed.value}` };
  }
  return {
    ...bare,
    notes: ['it stands there with the name of the zone twice: the DNS service adds that by itself'],
    fix: `enter the name without the zone's behind it, or with a dot at the end: ${needed.name}.`,
  };
}

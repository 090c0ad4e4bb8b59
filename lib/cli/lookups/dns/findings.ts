import type { NeededRecord, RecordPurpose } from './needed-records.ts';
import type { SeenRecords } from './observe-zone.ts';

type DnsStatus = 'ok' | 'missing' | 'wrong' | 'duplicate' | 'collision' | 'unreachable';

/** Severity, which determines the exit code. */
export type FindingLevel = 'ok' | 'warn' | 'fail';

/** Result of one check of the live DNS. */
export interface DnsFinding {
  readonly purpose: RecordPurpose | 'mail-from-host' | 'domain-spf';
  readonly name: string;
  readonly type: string;
  readonly status: DnsStatus;
  readonly level: FindingLevel;
  /** Absent if no record is needed there. */
  readonly wanted?: string | undefined;
  readonly found: readonly string[];
  /** One sentence each. */
  readonly notes: readonly string[];
  /** Absent if there is nothing to fix. */
  readonly fix?: string | undefined;
  /** The single record that should replace those found, and keeps their valid parts. */
  readonly proposal?: string | undefined;
  /** The servers of the zone that disagree or do not respond, each with its response. */
  readonly servers: readonly ServerRemark[];
  /** Only for the DMARC record: how mail passes it by SES and by mail-core. */
  readonly alignment?: readonly Alignment[] | undefined;
}

export interface ServerRemark {
  readonly host: string;
  readonly says: string;
}

/** Whether SPF or DKIM is aligned with the domain of the From header. */
export interface Alignment {
  readonly way: 'SES' | 'mail-core';
  readonly by: 'DKIM' | 'SPF';
  readonly aligned: 'yes' | 'no' | 'unknown';
  readonly why: string;
}

/** The verdict on one server's records. */
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

/** The record is missing, or was entered at the name with the zone appended twice. */
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

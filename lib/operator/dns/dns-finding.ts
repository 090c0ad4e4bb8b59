import type { RecordPurpose } from './needed-records.ts';

export type DnsStatus = 'ok' | 'missing' | 'wrong' | 'duplicate' | 'collision' | 'unreachable';

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
  readonly mend?: string | undefined;
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

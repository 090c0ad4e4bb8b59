import type { DnsStatus, FindingLevel } from './dns-finding.ts';

/** What one server's records amount to. */
export interface Verdict {
  readonly status: DnsStatus;
  readonly level: FindingLevel;
  readonly found: readonly string[];
  readonly notes: readonly string[];
  readonly mend?: string | undefined;
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

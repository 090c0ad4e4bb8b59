import type { NeededRecord } from './needed-records.ts';
import { RECORD_TTL_SECONDS } from './record-ttl.ts';
import { quoteTxt } from './txt-strings.ts';

/** Lines of a zone file (RFC 1035, section 5.1), with names in full, to be included in any zone above them. */
export function formatBind(needed: readonly NeededRecord[]): string {
  return needed.map((record) => `${record.name}. ${RECORD_TTL_SECONDS} IN ${dataOf(record)}\n`).join('');
}

function dataOf({ type, value }: NeededRecord): string {
  return type === 'TXT' ? `TXT ${quoteTxt(value)}` : `${type} ${value}.`;
}

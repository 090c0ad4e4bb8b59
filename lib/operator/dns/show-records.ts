import type { Terminal } from '../terminal.ts';
import type { NeededRecord, RecordPurpose } from './needed-records.ts';

const REASONS: Readonly<Record<RecordPurpose, string>> = {
  dkim: 'lets SES sign',
  'mail-from-mx': 'brings bounces to SES',
  'mail-from-spf': 'names SES as a sender',
  dmarc: 'what receivers do with the rest; keep the one you have',
};

export function showRecords(terminal: Terminal, needed: readonly NeededRecord[]): string {
  const rows = needed.map(({ name, type, value, purpose }) => [name, type, value, REASONS[purpose]]);
  return terminal.table(['NAME', 'TYPE', 'VALUE', 'WHAT FOR'], rows);
}

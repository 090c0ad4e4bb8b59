import type { NeededRecord } from './needed-records.ts';
import type { Verdict } from './verdict.ts';
import type { SeenRecords } from './zone-view.ts';

/** The record is not there, but perhaps where a slip of the hand has put it. */
export function missing(needed: NeededRecord, { atDoubledName }: SeenRecords): Verdict {
  const bare = { status: 'missing', level: 'fail', found: [] } as const;
  if (!atDoubledName.includes(needed.value)) {
    return { ...bare, notes: [], mend: `add ${needed.name} ${needed.type} ${needed.value}` };
  }
  return {
    ...bare,
    notes: ['it stands there with the name of the zone twice: the DNS service adds that by itself'],
    mend: `enter the name without the zone's behind it, or with a dot at the end: ${needed.name}.`,
  };
}

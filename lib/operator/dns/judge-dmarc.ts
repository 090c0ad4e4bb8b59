import { isDmarc, mergeDmarc, parseDmarc, withoutTag } from './dmarc-record.ts';
import { missing } from './judge-missing.ts';
import type { NeededRecord } from './needed-records.ts';
import { ok, type Verdict } from './verdict.ts';
import type { SeenRecords } from './zone-view.ts';

const LOOKS_LIKE_DMARC = /^\s*v\s*=\s*dmarc/i;

/** Any record that receivers can read will do: the owner of the domain decides its policy. */
export function judgeDmarc(needed: NeededRecord, seen: SeenRecords): Verdict {
  const verdict = judgeValues(needed, seen);
  if (seen.alias === undefined) return verdict;
  return { ...verdict, notes: [...verdict.notes, `it is kept at ${seen.alias}, where a CNAME leads to`] };
}

function judgeValues(needed: NeededRecord, seen: SeenRecords): Verdict {
  const found = seen.values.filter(isDmarc);
  if (found.length === 0) return withoutRecord(needed, seen);
  const records = found.map(parseDmarc).filter((record) => record !== undefined);
  const [record] = records;
  if (record === undefined) return wrong(needed, found, 'receivers cannot read it: it names no policy');
  if (found.length === 1)
    return ok(found, strictNotes(record.spfMode === 'strict', withoutTag(record, 'aspf')));
  const proposal = mergeDmarc(records);
  return {
    status: 'duplicate',
    level: 'fail',
    found,
    notes: ['with two DMARC records none is applied'],
    mend: `have one DMARC record there: ${proposal}`,
    proposal,
  };
}

/** No mail is refused for want of it, but large receivers ask it of who sends much. */
function withoutRecord(needed: NeededRecord, seen: SeenRecords): Verdict {
  const similar = seen.values.filter((value) => LOOKS_LIKE_DMARC.test(value));
  if (similar.length > 0)
    return wrong(needed, similar, 'receivers pass over it: it must begin with "v=DMARC1;"');
  return { ...missing(needed, seen), level: 'warn' };
}

function wrong(needed: NeededRecord, found: readonly string[], note: string): Verdict {
  const mend = `correct it, or have this one there: ${needed.value}`;
  return { status: 'wrong', level: 'fail', found, notes: [note], mend, proposal: needed.value };
}

const strictNotes = (isStrict: boolean, relaxed: string): string[] =>
  isStrict
    ? [`aspf=s lets no subdomain speak for the domain, so that SES passes by DKIM alone; without: ${relaxed}`]
    : [];

import { missing } from './judge-missing.ts';
import type { NeededRecord } from './needed-records.ts';
import { includes, isSpf, lookupsOf, mergeSpf, parseSpf, type SpfRecord } from './spf-record.ts';
import { ok, type Verdict } from './verdict.ts';
import type { SeenRecords } from './zone-view.ts';

const SES_SENDERS = 'amazonses.com';

const MOST_LOOKUPS = 10;

/** The SPF of the MAIL FROM domain, which has to let SES through. */
export function judgeMailFromSpf(needed: NeededRecord, seen: SeenRecords): Verdict {
  const found = seen.values.filter(isSpf);
  const [only, ...others] = found;
  if (only === undefined) return missing(needed, seen);
  const records = found.map(parseSpf).filter((record) => record !== undefined);
  const proposal = records.length === 0 ? needed.value : mergeSpf(records, SES_SENDERS);
  const bad = (status: 'wrong' | 'duplicate', note: string): Verdict => ({
    status,
    level: 'fail',
    found,
    notes: [note],
    mend: `have one SPF record there: ${proposal}`,
    proposal,
  });
  if (others.length > 0) return bad('duplicate', 'with two SPF records neither counts');
  const [record] = records;
  if (record === undefined) return bad('wrong', 'receivers cannot read it');
  if (!includes(record, SES_SENDERS)) return bad('wrong', 'it does not let SES through');
  return withLookups(ok(found), record);
}

/**
 * The SPF of the domain itself, by which receivers judge what mail-core sends. SES sends with the MAIL FROM domain in
 * the envelope, so that this record is none of its business.
 */
export function judgeDomainSpf({ values }: SeenRecords): Verdict {
  const found = values.filter(isSpf);
  const [only, ...others] = found;
  const unchanged = 'it needs no change for SES, which sends with the MAIL FROM domain in the envelope';
  if (only === undefined) {
    const notes = ["what mail-core sends has no SPF of the domain's own", unchanged];
    return { status: 'missing', level: 'warn', found, notes, mend: 'name the addresses of mail-core in one' };
  }
  if (others.length > 0) {
    const notes = ['with two SPF records neither counts, for what mail-core sends', unchanged];
    return { status: 'duplicate', level: 'fail', found, notes, mend: 'merge them into one' };
  }
  const record = parseSpf(only);
  if (record === undefined) {
    const notes = ['receivers cannot read it', unchanged];
    return {
      status: 'wrong',
      level: 'fail',
      found,
      notes,
      mend: 'correct its syntax (RFC 7208, section 12)',
    };
  }
  return withLookups(ok(found, [unchanged]), record);
}

function withLookups(verdict: Verdict, record: SpfRecord): Verdict {
  const lookups = lookupsOf(record);
  if (lookups <= MOST_LOOKUPS) return verdict;
  const note = `it asks for ${lookups} look-ups, and receivers stop after ${MOST_LOOKUPS}`;
  return {
    ...verdict,
    status: 'wrong',
    level: 'fail',
    notes: [note, ...verdict.notes],
    mend: 'leave out what is not used, or name addresses by ip4 and ip6',
  };
}

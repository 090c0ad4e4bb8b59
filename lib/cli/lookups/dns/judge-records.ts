import { isDmarc, mergeDmarc, parseDmarc, withoutTag } from './dmarc-record.ts';
import { CHOOSE_ANOTHER_SUBDOMAIN, missing, ok, type Verdict } from './findings.ts';
import type { NeededRecord } from './needed-records.ts';
import type { SeenRecords } from './observe-zone.ts';
import { includes, isSpf, lookupsOf, mergeSpf, parseSpf, type SpfRecord } from './spf-record.ts';

/** The MX hosts of SES's MAIL FROM domains, in any Region. */
const SES_MX = /^feedback-smtp\.[a-z0-9-]+\.amazonses\.com$/;

/** Compares a server's records with the needed one. */
export function judgeRecord(needed: NeededRecord, seen: SeenRecords): Verdict {
  switch (needed.purpose) {
    case 'dkim':
      return judgeDkim(needed, seen);
    case 'mail-from-mx':
      return besideAlias(needed, seen) ?? judgeMailFromMx(needed, seen);
    case 'mail-from-spf':
      return besideAlias(needed, seen) ?? judgeMailFromSpf(needed, seen);
    case 'dmarc':
      return judgeDmarc(needed, seen);
  }
}

function judgeDkim(needed: NeededRecord, seen: SeenRecords): Verdict {
  const { values } = seen;
  if (values.includes(needed.value)) return ok(values);
  if (values.length === 0) return missing(needed, seen);
  return {
    status: 'wrong',
    level: 'fail',
    found: values,
    notes: ['SES cannot sign with this key'],
    fix: `replace it by ${needed.value}`,
  };
}

/** @see https://docs.aws.amazon.com/ses/latest/dg/mail-from.html: exactly one MX */
function judgeMailFromMx(needed: NeededRecord, seen: SeenRecords): Verdict {
  const { values } = seen;
  if (values.length === 0) return missing(needed, seen);
  const foreign = values.filter((value) => !SES_MX.test(hostOf(value)));
  if (foreign.length > 0) {
    const notes = [`${needed.name} takes mail of its own, and its bounces would not reach SES`];
    return { status: 'collision', level: 'fail', found: values, notes, fix: CHOOSE_ANOTHER_SUBDOMAIN };
  }
  if (values.length === 1 && values.every((value) => hostOf(value) === hostOf(needed.value)))
    return ok(values);
  const notes = ['SES wants exactly one MX there, that of its own Region'];
  return { status: 'wrong', level: 'fail', found: values, notes, fix: `have ${needed.value} there, alone` };
}

/** A name with a CNAME can have no other records (RFC 1034, section 3.6.2). */
function besideAlias({ name }: NeededRecord, { alias }: SeenRecords): Verdict | undefined {
  if (alias === undefined) return undefined;
  return {
    status: 'wrong',
    level: 'fail',
    found: [`CNAME ${alias}`],
    notes: ['beside a CNAME no other record can stand'],
    fix: `remove the CNAME at ${name}, or ${CHOOSE_ANOTHER_SUBDOMAIN}`,
  };
}

const hostOf = (mx: string): string => mx.split(' ')[1] ?? '';

/** Addresses at the MAIL FROM domain: it is in use as a host, and that host's mail would go to SES. */
export function judgeMailFromHost(name: string, { values, alias }: SeenRecords): Verdict {
  if (alias !== undefined || values.length === 0) return ok([], ['no address stands there, as it should be']);
  return {
    status: 'collision',
    level: 'fail',
    found: values,
    notes: [`${name} is a host of its own, whose mail would go to SES`],
    fix: CHOOSE_ANOTHER_SUBDOMAIN,
  };
}

const LOOKS_LIKE_DMARC = /^\s*v\s*=\s*dmarc/i;

/** Accepts any valid record: the owner of the domain decides its policy. */
function judgeDmarc(needed: NeededRecord, seen: SeenRecords): Verdict {
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
    fix: `have one DMARC record there: ${proposal}`,
    proposal,
  };
}

/** No mail is rejected without DMARC, but large receivers require it from bulk senders. */
function withoutRecord(needed: NeededRecord, seen: SeenRecords): Verdict {
  const similar = seen.values.filter((value) => LOOKS_LIKE_DMARC.test(value));
  if (similar.length > 0)
    return wrong(needed, similar, 'receivers pass over it: it must begin with "v=DMARC1;"');
  return { ...missing(needed, seen), level: 'warn' };
}

function wrong(needed: NeededRecord, found: readonly string[], note: string): Verdict {
  const fix = `correct it, or have this one there: ${needed.value}`;
  return { status: 'wrong', level: 'fail', found, notes: [note], fix, proposal: needed.value };
}

const strictNotes = (isStrict: boolean, relaxed: string): string[] =>
  isStrict
    ? [`aspf=s lets no subdomain speak for the domain, so that SES passes by DKIM alone; without: ${relaxed}`]
    : [];

const SES_SENDERS = 'amazonses.com';

const MAX_LOOKUPS = 10;

/** The SPF of the MAIL FROM domain, which must authorise SES. */
function judgeMailFromSpf(needed: NeededRecord, seen: SeenRecords): Verdict {
  const found = seen.values.filter(isSpf);
  const [only, ...others] = found;
  if (only === undefined) return missing(needed, seen);
  const records = found.map(parseSpf).filter((record) => record !== undefined);
  const proposal = records.length === 0 ? needed.value : mergeSpf(records, SES_SENDERS);
  const fail = (status: 'wrong' | 'duplicate', note: string): Verdict => ({
    status,
    level: 'fail',
    found,
    notes: [note],
    fix: `have one SPF record there: ${proposal}`,
    proposal,
  });
  if (others.length > 0) return fail('duplicate', 'with two SPF records neither counts');
  const [record] = records;
  if (record === undefined) return fail('wrong', 'receivers cannot read it');
  if (!includes(record, SES_SENDERS)) return fail('wrong', 'it does not let SES through');
  return withLookups(ok(found), record);
}

/**
 * The SPF of the domain itself, which receivers check for mail sent by mail-core. SES uses the MAIL FROM
 * domain in the envelope sender, so this record does not affect it.
 */
export function judgeDomainSpf({ values }: SeenRecords): Verdict {
  const found = values.filter(isSpf);
  const [only, ...others] = found;
  const unchanged = 'it needs no change for SES, which sends with the MAIL FROM domain in the envelope';
  if (only === undefined) {
    const notes = ["what mail-core sends has no SPF of the domain's own", unchanged];
    return { status: 'missing', level: 'warn', found, notes, fix: 'name the addresses of mail-core in one' };
  }
  if (others.length > 0) {
    const notes = ['with two SPF records neither counts, for what mail-core sends', unchanged];
    return { status: 'duplicate', level: 'fail', found, notes, fix: 'merge them into one' };
  }
  const record = parseSpf(only);
  if (record === undefined) {
    const notes = ['receivers cannot read it', unchanged];
    return {
      status: 'wrong',
      level: 'fail',
      found,
      notes,
      fix: 'correct its syntax (RFC 7208, section 12)',
    };
  }
  return withLookups(ok(found, [unchanged]), record);
}

function withLookups(verdict: Verdict, record: SpfRecord): Verdict {
  const lookups = lookupsOf(record);
  if (lookups <= MAX_LOOKUPS) return verdict;
  const note = `it asks for ${lookups} look-ups, and receivers stop after ${MAX_LOOKUPS}`;
  return {
    ...verdict,
    status: 'wrong',
    level: 'fail',
    notes: [note, ...verdict.notes],
    fix: 'leave out what is not used, or name addresses by ip4 and ip6',
  };
}

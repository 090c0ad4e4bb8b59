import { judgeDmarc } from './judge-dmarc.ts';
import { missing } from './judge-missing.ts';
import { judgeMailFromSpf } from './judge-spf.ts';
import type { NeededRecord } from './needed-records.ts';
import { CHOOSE_ANOTHER_SUBDOMAIN, ok, type Verdict } from './verdict.ts';
import type { SeenRecords } from './zone-view.ts';

/** The MX hosts of SES's MAIL FROM domains, in any Region. */
const SES_MX = /^feedback-smtp\.[a-z0-9-]+\.amazonses\.com$/;

/** What a server shows, against what is needed. */
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
    mend: `replace it by ${needed.value}`,
  };
}

/** @see https://docs.aws.amazon.com/ses/latest/dg/mail-from.html: exactly one MX */
function judgeMailFromMx(needed: NeededRecord, seen: SeenRecords): Verdict {
  const { values } = seen;
  if (values.length === 0) return missing(needed, seen);
  const foreign = values.filter((value) => !SES_MX.test(hostOf(value)));
  if (foreign.length > 0) {
    const notes = [`${needed.name} takes mail of its own, and its bounces would not reach SES`];
    return { status: 'collision', level: 'fail', found: values, notes, mend: CHOOSE_ANOTHER_SUBDOMAIN };
  }
  if (values.length === 1 && values.every((value) => hostOf(value) === hostOf(needed.value)))
    return ok(values);
  const notes = ['SES wants exactly one MX there, that of its own Region'];
  return { status: 'wrong', level: 'fail', found: values, notes, mend: `have ${needed.value} there, alone` };
}

/** Beside a CNAME no other record may stand (RFC 1034, section 3.6.2). */
function besideAlias({ name }: NeededRecord, { alias }: SeenRecords): Verdict | undefined {
  if (alias === undefined) return undefined;
  return {
    status: 'wrong',
    level: 'fail',
    found: [`CNAME ${alias}`],
    notes: ['beside a CNAME no other record can stand'],
    mend: `remove the CNAME at ${name}, or ${CHOOSE_ANOTHER_SUBDOMAIN}`,
  };
}

const hostOf = (mx: string): string => mx.split(' ')[1] ?? '';

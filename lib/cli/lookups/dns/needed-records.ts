import * as v from 'valibot';
import { canonicalName } from '../../../adapters/dns/name-server.ts';
import type { DeployedStack } from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';

export type RecordPurpose = 'dkim' | 'mail-from-mx' | 'mail-from-spf' | 'dmarc';

/**
 * A record that the deployment needs. Names have no trailing dot and TXT values no quotes: each format adds
 * its own.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/mail-from.html
 */
export interface NeededRecord {
  readonly purpose: RecordPurpose;
  readonly name: string;
  readonly type: 'CNAME' | 'MX' | 'TXT';
  readonly value: string;
}

/** The outputs of the identity stack, each `name TYPE value`. */
const OUTPUTS = {
  DkimRecord1: 'dkim',
  DkimRecord2: 'dkim',
  DkimRecord3: 'dkim',
  MailFromMxRecord: 'mail-from-mx',
  MailFromSpfRecord: 'mail-from-spf',
  DmarcRecord: 'dmarc',
} as const satisfies Record<string, RecordPurpose>;

const lineSchema = v.pipe(
  v.string(),
  v.regex(/^[!-~]+ (?:CNAME|MX|TXT) [!-~][ -~]*$/),
  v.transform((line) => {
    const [name = '', type = '', ...rest] = line.split(' ');
    return { name: canonicalName(name), type: v.parse(v.picklist(['CNAME', 'MX', 'TXT']), type), rest };
  }),
);

/**
 * Of an identity that the stack does not own, it has no DKIM records: SES verified the domain before.
 *
 * @throws {@link OperatorError} if the stack lacks one of them
 */
export function neededRecords({ name, outputs }: DeployedStack): NeededRecord[] {
  const isOwned = Object.keys(outputs).some((output) => output.startsWith('Dkim'));
  const expected = Object.entries(OUTPUTS).filter(([, purpose]) => isOwned || purpose !== 'dkim');
  return expected.map(([output, purpose]) => {
    const parsed = v.safeParse(lineSchema, outputs[output]);
    if (!parsed.success) {
      const what = outputs[output] === undefined ? 'is missing' : `says "${outputs[output]}"`;
      throw new OperatorError(
        'OLD_STACK',
        `the output ${output} of the stack ${name} ${what}`,
        'npm run deploy',
      );
    }
    const { type, rest } = parsed.output;
    return { purpose, name: parsed.output.name, type, value: dataOf(type, rest.join(' ')) };
  });
}

/** The sending domain, taken from the name of its DMARC record. */
export function domainOf(needed: readonly NeededRecord[]): string {
  return recordFor(needed, 'dmarc').name.replace(/^_dmarc\./, '');
}

/** @throws {Error} if there is none: needed records are always complete */
export function recordFor(needed: readonly NeededRecord[], purpose: RecordPurpose): NeededRecord {
  const record = needed.find((candidate) => candidate.purpose === purpose);
  if (record === undefined) throw new Error(`the records that are needed hold no ${purpose}`);
  return record;
}

function dataOf(type: NeededRecord['type'], text: string): string {
  if (type === 'TXT') return text.replace(/^"(.*)"$/, '$1');
  return canonicalName(text);
}

/** Short enough to fix mistakes quickly, long enough that receivers do not query for each mail. */
export const RECORD_TTL_SECONDS = 1_800;

/** Maximum length of each string of a TXT record (RFC 1035, section 3.3.14). */
const STRING_OCTETS = 255;

/**
 * Splits a TXT value into strings, escaped for use between quotes in a zone file and in Route 53.
 *
 * @param value in printable ASCII, as all needed records are: one character is one octet
 */
export function txtStrings(value: string): string[] {
  const count = Math.max(1, Math.ceil(value.length / STRING_OCTETS));
  return Array.from({ length: count }, (_, index) =>
    value.slice(index * STRING_OCTETS, (index + 1) * STRING_OCTETS).replace(/["\\]/g, '\\$&'),
  );
}

/** The strings, each in quotes. */
export const quoteTxt = (value: string): string =>
  txtStrings(value)
    .map((string) => `"${string}"`)
    .join(' ');

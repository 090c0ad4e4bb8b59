import type { NeededRecord } from './needed-records.ts';
import { RECORD_TTL_SECONDS } from './record-ttl.ts';
import { quoteTxt } from './txt-strings.ts';

/**
 * A change batch of Route 53. It is done as a whole or not at all. What SES alone can have named is written whatever
 * was there; all else is refused where there is such a record already, which a person then has to merge.
 *
 * @see https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
export function route53ChangeBatch(needed: readonly NeededRecord[]) {
  return {
    Comment: 'The records of the mail pipeline',
    Changes: needed.map(({ purpose, name, type, value }) => ({
      Action: purpose === 'dkim' ? 'UPSERT' : 'CREATE',
      ResourceRecordSet: {
        Name: `${name}.`,
        Type: type,
        TTL: RECORD_TTL_SECONDS,
        ResourceRecords: [{ Value: type === 'TXT' ? quoteTxt(value) : `${value}.` }],
      },
    })),
  };
}

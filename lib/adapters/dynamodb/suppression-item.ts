import * as v from 'valibot';
import { maskAddress } from '../../message/address.ts';
import { type SoftBouncePolicy, type SuppressionRecord, suppressionOf } from '../../message/suppression.ts';
import { SUPPRESSION_KEY } from './constants.ts';
import { daysAfter, expiring } from './expiry.ts';
import type { Fields } from './item-change.ts';
import { type Attributes, parseItem } from './parse-item.ts';

/** What is known against an address, and the version that a change is written on the condition of. */
export interface SuppressionItem {
  /** By `addressKey`. */
  readonly address: string;
  readonly record: SuppressionRecord;
  /** Counts the writes. */
  readonly version: number;
}

/** Older stories come no later: SES tries to deliver for hours, and events wait in their queue for 14 days at most. */
const REMOVAL_KEPT_DAYS = 30;

/** The last moment that JavaScript knows. */
const END_OF_TIME = new Date(8.64e15);

const time = v.pipe(
  v.string(),
  v.isoTimestamp('an ISO 8601 time'),
  v.transform((text) => new Date(text)),
);

const cause = v.object({ at: time, deliveryId: v.string() });

const itemSchema = v.object({
  [SUPPRESSION_KEY.partition]: v.string(),
  hardBounce: v.optional(cause),
  complaint: v.optional(cause),
  manual: v.optional(v.object({ at: time })),
  softBounces: v.optional(v.record(v.string(), cause), {}),
  removedAt: v.optional(time),
  version: v.number(),
});

export function suppressionKey(address: string): Fields {
  return { [SUPPRESSION_KEY.partition]: address };
}

/** @throws {@link DamagedItemError} */
export function suppressionItemOf(attributes: Attributes): SuppressionItem {
  const masked = maskAddress(attributes[SUPPRESSION_KEY.partition]?.S ?? '');
  const { address, version, ...record } = parseItem(
    itemSchema,
    attributes,
    `${masked} in the suppression list`,
  );
  return { address, record, version };
}

/** The item as it is written, with the time when it may go. */
export function suppressionFields(
  { address, record, version }: SuppressionItem,
  policy: SoftBouncePolicy,
): Fields {
  const { hardBounce, complaint, manual, softBounces, removedAt } = record;
  const expiry = expiryOf(record, policy);
  return {
    ...suppressionKey(address),
    hardBounce: causeFields(hardBounce),
    complaint: causeFields(complaint),
    manual: causeFields(manual),
    softBounces: Object.fromEntries(Object.entries(softBounces).map(([id, one]) => [id, causeFields(one)])),
    removedAt: removedAt?.toISOString(),
    version,
    ...(expiry === undefined ? {} : expiring(expiry)),
  };
}

/** When nothing in the record can suppress the address any more; undefined where that is never. */
function expiryOf(record: SuppressionRecord, policy: SoftBouncePolicy): Date | undefined {
  // Soft bounces have left every window by then.
  if (suppressionOf(record, policy, END_OF_TIME) !== undefined) return undefined;
  const ends = Object.values(record.softBounces).map(({ at }) => daysAfter(at, policy.windowDays));
  if (record.removedAt !== undefined) ends.push(daysAfter(record.removedAt, REMOVAL_KEPT_DAYS));
  return new Date(Math.max(...ends.map(Number)));
}

function causeFields(cause: { readonly at: Date } | undefined): Fields | undefined {
  return cause === undefined ? undefined : { ...cause, at: cause.at.toISOString() };
}

import * as v from 'valibot';
import {
  BOUNCE_TYPES,
  type DeliveryStatus,
  isSameStatus,
  mergeStatuses,
  type RecipientStatuses,
  STATUS_KINDS,
} from './delivery-status.ts';
import { type Receipt, toStatuses } from './receipt.ts';

/** What receipts have reported about a delivery. */
export interface ReportedStatuses {
  readonly statuses: RecipientStatuses;
  /** The Message-ID headers that recipients see, sorted: SES writes its own for each send batch. */
  readonly messageIds: readonly string[];
}

/** Applies a receipt. If it reports nothing new, returns the same `reported` object. */
export function withReceipt(reported: ReportedStatuses, receipt: Receipt): ReportedStatuses {
  const statuses = toStatuses(receipt);
  // A delivery may have thousands of recipients, but a receipt names only a few of them.
  const news = changedStatuses(
    reported.statuses,
    mergeStatuses(renameStatuses(reported.statuses, Object.keys(statuses)), statuses),
  );
  const { messageId } = receipt;
  const newId = messageId !== undefined && !reported.messageIds.includes(messageId);
  if (Object.keys(news).length === 0 && !newId) return reported;
  return {
    statuses: { ...reported.statuses, ...news },
    messageIds: newId ? [...reported.messageIds, messageId].sort() : reported.messageIds,
  };
}

/** The statuses of only these recipients, by key. */
export function renameStatuses(statuses: RecipientStatuses, keys: readonly string[]): RecipientStatuses {
  return Object.fromEntries(
    keys.flatMap((key): [string, DeliveryStatus][] => {
      const status = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
      return status === undefined ? [] : [[key, status]];
    }),
  );
}

/** The statuses that differ from `before`. */
export function changedStatuses(before: RecipientStatuses, after: RecipientStatuses): RecipientStatuses {
  return Object.fromEntries(
    Object.entries(after).filter(([key, status]) => {
      const known = Object.hasOwn(before, key) ? before[key] : undefined;
      return known === undefined || !isSameStatus(known, status);
    }),
  );
}

const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'a time'),
);

const storedStatusSchema = v.object({
  kind: v.picklist(STATUS_KINDS),
  at: moment,
  sesMessageId: v.optional(v.string()),
  smtpResponse: v.optional(v.string()),
  enhancedStatus: v.optional(v.string()),
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: v.string() })),
  reason: v.optional(v.string()),
  deliveredAt: v.optional(moment),
});

/** Undefined if it is invalid. */
export function readStoredStatus(stored: unknown): DeliveryStatus | undefined {
  const parsed = v.safeParse(storedStatusSchema, stored);
  return parsed.success ? parsed.output : undefined;
}

/** Reads the statuses of a row. Skips invalid entries: other programs may have written there. */
export function readStoredStatuses(stored: unknown): RecipientStatuses {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).flatMap(([key, value]): [string, DeliveryStatus][] => {
      const status = readStoredStatus(value);
      return status === undefined ? [] : [[key, status]];
    }),
  );
}

import { type Fates, isSameFate, laterFates } from './fate.ts';
import { fatesOf, type Receipt } from './receipt.ts';

/** What receipts have told of a delivery. */
export interface ToldFates {
  readonly fates: Fates;
  /** The Message-ID headers that recipients see, sorted: SES writes its own for each part of a delivery. */
  readonly messageIds: readonly string[];
}

/** Adds what a receipt tells. Where it tells nothing new, the outcome is `told` itself. */
export function withReceipt(told: ToldFates, receipt: Receipt): ToldFates {
  const news = changedFates(told.fates, laterFates(told.fates, fatesOf(receipt)));
  const { messageId } = receipt;
  const newId = messageId !== undefined && !told.messageIds.includes(messageId);
  if (Object.keys(news).length === 0 && !newId) return told;
  return {
    fates: { ...told.fates, ...news },
    messageIds: newId ? [...told.messageIds, messageId].sort() : told.messageIds,
  };
}

/** The fates that are not as they were. */
export function changedFates(before: Fates, after: Fates): Fates {
  return Object.fromEntries(
    Object.entries(after).filter(([key, fate]) => {
      const known = Object.hasOwn(before, key) ? before[key] : undefined;
      return known === undefined || !isSameFate(known, fate);
    }),
  );
}

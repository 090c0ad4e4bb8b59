import { type Fate, type Fates, isSameFate, laterFates } from './fate.ts';
import { fatesOf, type Receipt } from './receipt.ts';

/** What receipts have told of a delivery. */
export interface ToldFates {
  readonly fates: Fates;
  /** The Message-ID headers that recipients see, sorted: SES writes its own for each part of a delivery. */
  readonly messageIds: readonly string[];
}

/** Adds what a receipt tells. Where it tells nothing new, the outcome is `told` itself. */
export function withReceipt(told: ToldFates, receipt: Receipt): ToldFates {
  const tells = fatesOf(receipt);
  // A delivery may have thousands of recipients, and a receipt names a few of them.
  const news = changedFates(told.fates, laterFates(fatesNamed(told.fates, Object.keys(tells)), tells));
  const { messageId } = receipt;
  const newId = messageId !== undefined && !told.messageIds.includes(messageId);
  if (Object.keys(news).length === 0 && !newId) return told;
  return {
    fates: { ...told.fates, ...news },
    messageIds: newId ? [...told.messageIds, messageId].sort() : told.messageIds,
  };
}

/** The fates of these recipients alone, named by their keys. */
export function fatesNamed(fates: Fates, keys: readonly string[]): Fates {
  return Object.fromEntries(
    keys.flatMap((key): [string, Fate][] => {
      const fate = Object.hasOwn(fates, key) ? fates[key] : undefined;
      return fate === undefined ? [] : [[key, fate]];
    }),
  );
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

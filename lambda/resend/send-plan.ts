import { addressKey, chunkRecipients } from '../../lib/domain/address.ts';
import type { SendBatch } from '../../lib/ports/ledger.ts';

/** Recipients that SES has accepted the mail for. */
export interface SentRecipients {
  readonly recipients: readonly string[];
  readonly sesMessageId: string | undefined;
  readonly sentAt: Date | undefined;
}

/** Recipients that must not be retried yet. */
interface WaitingRecipients {
  readonly recipients: readonly string[];
  readonly until: Date;
}

/** Recipients that one call may be made for. */
export interface PendingBatch {
  readonly recipients: readonly string[];
  /** The batch that they were claimed as before. */
  readonly before?: SendBatch | undefined;
}

export type SendPlan =
  /** SES has another content under the id, or may have it. */
  | { readonly kind: 'conflict'; readonly contentSha256: string }
  | {
      readonly kind: 'plan';
      readonly sent: readonly SentRecipients[];
      readonly waiting: readonly WaitingRecipients[];
      readonly pending: readonly PendingBatch[];
    };

/**
 * Sorts each recipient by its state in the ledger into exactly one of sent, waiting and pending.
 *
 * @param recipients one spelling of each mailbox
 * @param retryAt for a batch whose call is in progress or ended without a response: when its recipients may
 * be retried, or undefined if now
 * @param maxRecipients of one call
 */
export function planSends(
  recipients: readonly string[],
  contentSha256: string,
  batches: readonly SendBatch[],
  retryAt: (batch: SendBatch) => Date | undefined,
  maxRecipients: number,
): SendPlan {
  const isOther = (batch: SendBatch) =>
    batch.contentSha256 !== undefined && batch.contentSha256 !== contentSha256;
  const other = batches.find((batch) => isOther(batch) && !isFree(batch));
  if (other?.contentSha256 !== undefined) return { kind: 'conflict', contentSha256: other.contentSha256 };

  // The ledger's spelling stays that of its batches, even if this message spells a mailbox in another case.
  const open = new Map(recipients.map((recipient) => [addressKey(recipient), recipient]));
  const takeOpen = (batch: SendBatch) =>
    batch.recipients.filter((recipient) => open.delete(addressKey(recipient)));
  const sent: SentRecipients[] = [];
  const waiting: WaitingRecipients[] = [];
  const pending: PendingBatch[] = [];

  for (const batch of batches.filter(({ state }) => state === 'sent')) {
    sent.push({ recipients: takeOpen(batch), sesMessageId: batch.sesMessageId, sentAt: batch.sentAt });
  }
  for (const batch of batches.filter(isUnresolved)) {
    const until = retryAt(batch);
    const theirs = takeOpen(batch);
    if (until === undefined) pending.push({ recipients: theirs, before: batch });
    else waiting.push({ recipients: theirs, until });
  }
  // Latest first: the halves of a refused batch are sent separately again, not the whole batch.
  for (const batch of batches.filter((one) => isFree(one) && !isOther(one)).reverse()) {
    const isWhole = batch.recipients.every((recipient) => open.has(addressKey(recipient)));
    if (isWhole) pending.push({ recipients: takeOpen(batch), before: batch });
  }
  for (const chunk of chunkRecipients([...open.values()], maxRecipients)) pending.push({ recipients: chunk });

  return {
    kind: 'plan',
    sent: sent.filter(notEmpty),
    waiting: waiting.filter(notEmpty),
    pending: pending.filter(notEmpty),
  };
}

/** Its call is in progress, or its result is unknown. */
export function isUnresolved({ state }: SendBatch): boolean {
  return state === 'sending' || state === 'unknown';
}

/** No call is in progress, and SES does not have it. */
export function isFree({ state }: SendBatch): boolean {
  return state === 'open' || state === 'refused';
}

function notEmpty({ recipients }: { readonly recipients: readonly string[] }): boolean {
  return recipients.length > 0;
}

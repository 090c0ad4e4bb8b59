import { chunkRecipients } from '../../lib/domain/address.ts';
import { SES_MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import type { SendBatch } from '../../lib/ports/ledger.ts';

/** Recipients that SES has taken the mail for. */
export interface SentRecipients {
  readonly recipients: readonly string[];
  readonly sesMessageId: string | undefined;
  readonly sentAt: Date | undefined;
}

/** Recipients that nothing may be done for yet. */
interface WaitingRecipients {
  readonly recipients: readonly string[];
  readonly until: Date;
}

/** Recipients that one call may be made for. */
export interface PendingBatch {
  readonly recipients: readonly string[];
  /** The part that they were claimed as before. */
  readonly before?: SendBatch | undefined;
}

export type SendPlan =
  /** SES has another content under the id, or may have it. */
  | { readonly kind: 'conflict'; readonly contentSha256: string }
  | {
      readonly kind: 'standing';
      readonly taken: readonly SentRecipients[];
      readonly held: readonly WaitingRecipients[];
      readonly calls: readonly PendingBatch[];
    };

/**
 * Where each recipient stands by the ledger: exactly one of taken, held and callable.
 *
 * @param heldUntil for a part whose call is under way, or has ended without an answer: until when to keep away from
 * its recipients, or nothing where they may be called for again
 */
export function planSends(
  recipients: readonly string[],
  contentSha256: string,
  batches: readonly SendBatch[],
  heldUntil: (batch: SendBatch) => Date | undefined,
): SendPlan {
  const isOther = (batch: SendBatch) =>
    batch.contentSha256 !== undefined && batch.contentSha256 !== contentSha256;
  const other = batches.find((batch) => isOther(batch) && !isFree(batch));
  if (other?.contentSha256 !== undefined) return { kind: 'conflict', contentSha256: other.contentSha256 };

  const open = new Set(recipients);
  const takeOut = (batch: SendBatch) => batch.recipients.filter((recipient) => open.delete(recipient));
  const taken: SentRecipients[] = [];
  const held: WaitingRecipients[] = [];
  const calls: PendingBatch[] = [];

  for (const batch of batches.filter(({ state }) => state === 'sent')) {
    taken.push({ recipients: takeOut(batch), sesMessageId: batch.sesMessageId, sentAt: batch.sentAt });
  }
  for (const batch of batches.filter(isUnknown)) {
    const until = heldUntil(batch);
    const theirs = takeOut(batch);
    if (until === undefined) calls.push({ recipients: theirs, before: batch });
    else held.push({ recipients: theirs, until });
  }
  // The latest first: the halves of a part that was refused as a whole are to be offered by themselves again.
  for (const batch of batches.filter((one) => isFree(one) && !isOther(one)).reverse()) {
    const isWhole = batch.recipients.every((recipient) => open.has(recipient));
    if (isWhole) calls.push({ recipients: takeOut(batch), before: batch });
  }
  for (const chunk of chunkRecipients([...open], SES_MAX_RECIPIENTS)) calls.push({ recipients: chunk });

  return {
    kind: 'standing',
    taken: taken.filter(notEmpty),
    held: held.filter(notEmpty),
    calls: calls.filter(notEmpty),
  };
}

/** Its call is under way, or nobody knows how it ended. */
export function isUnknown({ state }: SendBatch): boolean {
  return state === 'sending' || state === 'unknown';
}

/** Nobody calls for it now, and nobody has it. */
export function isFree({ state }: SendBatch): boolean {
  return state === 'open' || state === 'refused';
}

function notEmpty({ recipients }: { readonly recipients: readonly string[] }): boolean {
  return recipients.length > 0;
}

import { chunkRecipients } from '../../lib/domain/address.ts';
import { SES_MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import type { LedgerPart } from '../../lib/ports/ledger.ts';

/** Recipients that SES has taken the mail for. */
export interface Taken {
  readonly recipients: readonly string[];
  readonly sesMessageId: string | undefined;
  readonly sentAt: Date | undefined;
}

/** Recipients that nothing may be done for yet. */
interface Held {
  readonly recipients: readonly string[];
  readonly until: Date;
}

/** Recipients that one call may be made for. */
export interface Callable {
  readonly recipients: readonly string[];
  /** The part that they were claimed as before. */
  readonly before?: LedgerPart | undefined;
}

export type Standing =
  /** SES has another content under the id, or may have it. */
  | { readonly kind: 'conflict'; readonly contentSha256: string }
  | {
      readonly kind: 'standing';
      readonly taken: readonly Taken[];
      readonly held: readonly Held[];
      readonly calls: readonly Callable[];
    };

/**
 * Where each recipient stands by the ledger: exactly one of taken, held and callable.
 *
 * @param heldUntil for a part whose call is under way, or has ended without an answer: until when to keep away from
 * its recipients, or nothing where they may be called for again
 */
export function standingOf(
  recipients: readonly string[],
  contentSha256: string,
  parts: readonly LedgerPart[],
  heldUntil: (part: LedgerPart) => Date | undefined,
): Standing {
  const isOther = (part: LedgerPart) =>
    part.contentSha256 !== undefined && part.contentSha256 !== contentSha256;
  const other = parts.find((part) => isOther(part) && !isFree(part));
  if (other?.contentSha256 !== undefined) return { kind: 'conflict', contentSha256: other.contentSha256 };

  const open = new Set(recipients);
  const takeOut = (part: LedgerPart) => part.recipients.filter((recipient) => open.delete(recipient));
  const taken: Taken[] = [];
  const held: Held[] = [];
  const calls: Callable[] = [];

  for (const part of parts.filter(({ state }) => state === 'sent')) {
    taken.push({ recipients: takeOut(part), sesMessageId: part.sesMessageId, sentAt: part.sentAt });
  }
  for (const part of parts.filter(isInDoubt)) {
    const until = heldUntil(part);
    const theirs = takeOut(part);
    if (until === undefined) calls.push({ recipients: theirs, before: part });
    else held.push({ recipients: theirs, until });
  }
  // The latest first: the halves of a part that was refused as a whole are to be offered by themselves again.
  for (const part of parts.filter((one) => isFree(one) && !isOther(one)).reverse()) {
    const isWhole = part.recipients.every((recipient) => open.has(recipient));
    if (isWhole) calls.push({ recipients: takeOut(part), before: part });
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
export function isInDoubt({ state }: LedgerPart): boolean {
  return state === 'sending' || state === 'unknown';
}

/** Nobody calls for it now, and nobody has it. */
export function isFree({ state }: LedgerPart): boolean {
  return state === 'open' || state === 'refused';
}

function notEmpty({ recipients }: { readonly recipients: readonly string[] }): boolean {
  return recipients.length > 0;
}

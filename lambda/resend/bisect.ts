import { chunkRecipients } from '../../lib/domain/address.ts';
import type { PendingBatch } from './send-plan.ts';

/**
 * After so many refusals, and no recipient sent to, SES may be refusing the message itself. A single bad recipient is
 * found by a dozen calls, of which every second or third succeeds.
 */
const REFUSALS_BEFORE_SAMPLING = 15;

/** Then so many recipients are tried alone; if SES refuses each of them, it refuses the message. */
const SAMPLE_SIZE = 5;

/** What has happened to the calls of a message so far, over all its rounds. */
export interface SendHistory {
  refusals: number;
  /** Refusals of a single recipient. */
  refusedAlone: number;
  sentToSome: boolean;
}

/** How a batch ended; `recipients` are those that the call was made for. */
export type BatchFeedback =
  | { readonly kind: 'sent' | 'nothing-sent' }
  | { readonly kind: 'refused'; readonly recipients: readonly string[] };

export interface NextBatch {
  readonly batch: PendingBatch;
  /** True if no other batch is waiting behind it. */
  readonly isLast: boolean;
}

/**
 * The batches to send, in their order; the caller passes back how each ended. If SES refuses several recipients at
 * once, one of them may be the reason: both halves are yielded, and theirs, until the bad ones stand alone. Until
 * somebody was sent to, the halves go first; from then on they wait until all others had their turn, so that good
 * recipients are served before bad ones are searched for.
 *
 * @returns the recipients that remain when the message itself turns out to be refused; empty otherwise
 */
export function* bisect(
  planned: readonly PendingBatch[],
  history: SendHistory,
): Generator<NextBatch, readonly string[], BatchFeedback> {
  /** Pieces of what was refused before anyone was sent to. */
  let first: readonly PendingBatch[] = [];
  let rest = planned;
  for (;;) {
    const [batch, ...others] = [...first, ...rest];
    if (batch === undefined) return [];
    if (first.length > 0) first = first.slice(1);
    else rest = rest.slice(1);

    const feedback = yield { batch, isLast: others.length === 0 };
    if (feedback.kind === 'sent') history.sentToSome = true;
    if (feedback.kind !== 'refused') continue;

    const { recipients } = feedback;
    history.refusals += 1;
    if (recipients.length === 1) history.refusedAlone += 1;
    else if (history.sentToSome) rest = [...rest, ...halves(recipients)];
    else first = [...first, ...halves(recipients)];
    if (history.sentToSome || history.refusals < REFUSALS_BEFORE_SAMPLING) continue;

    const remaining = [...first, ...rest].flatMap((waiting) => waiting.recipients);
    if (history.refusedAlone >= SAMPLE_SIZE) return remaining;
    if (history.refusals === REFUSALS_BEFORE_SAMPLING) {
      const sample = sampleOf(remaining);
      first = [...[...sample].map((recipient) => ({ recipients: [recipient] })), ...without(first, sample)];
      rest = without(rest, sample);
    }
  }
}

function halves(recipients: readonly string[]): PendingBatch[] {
  return chunkRecipients(recipients, Math.ceil(recipients.length / 2)).map((half) => ({ recipients: half }));
}

/** Recipients from all over the list. */
function sampleOf(recipients: readonly string[]): ReadonlySet<string> {
  const step = Math.max(Math.floor(recipients.length / SAMPLE_SIZE), 1);
  return new Set(recipients.filter((_, index) => index % step === 0).slice(0, SAMPLE_SIZE));
}

/** A batch that was claimed before as a whole becomes a new one once a recipient is taken out of it. */
function without(batches: readonly PendingBatch[], sample: ReadonlySet<string>): PendingBatch[] {
  return batches.flatMap((batch) => {
    const recipients = batch.recipients.filter((recipient) => !sample.has(recipient));
    if (recipients.length === batch.recipients.length) return [batch];
    return recipients.length === 0 ? [] : [{ recipients }];
  });
}

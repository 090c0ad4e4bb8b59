import { chunkRecipients } from '../../lib/domain/address.ts';
import type { PendingBatch } from './send-plan.ts';

/**
 * After this many refusals without a single send, SES may be refusing the message itself. Finding one bad
 * recipient takes about a dozen calls, of which every second or third succeeds.
 */
const REFUSALS_BEFORE_SAMPLING = 15;

/** This many recipients are then tried alone; if SES refuses each of them, it refuses the message. */
const SAMPLE_SIZE = 5;

/** Results of a message's calls so far, over all rounds. */
export interface SendHistory {
  refusals: number;
  /** Refusals of a single recipient. */
  refusedAlone: number;
  sentToSome: boolean;
}

/** The result of a batch; `recipients` are those that the call was made for. */
export type BatchFeedback =
  | { readonly kind: 'sent' | 'nothing-sent' }
  | { readonly kind: 'refused'; readonly recipients: readonly string[] };

export interface NextBatch {
  readonly batch: PendingBatch;
  /** True if no other batch is waiting behind it. */
  readonly isLast: boolean;
}

/**
 * Yields the batches to send, in order; the caller passes back the result of each. If SES refuses several
 * recipients at once, one of them may be the reason: both halves are yielded, and so on, until the bad ones
 * are isolated. Before the first successful send the halves go first; after it they go last, so that good
 * recipients are sent to before the search for bad ones.
 *
 * @returns the recipients that remain when the message itself turns out to be refused; empty otherwise
 */
export function* bisect(
  planned: readonly PendingBatch[],
  history: SendHistory,
): Generator<NextBatch, readonly string[], BatchFeedback> {
  /** Halves of batches that were refused before the first successful send. */
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

/** Recipients spread evenly over the list. */
function sampleOf(recipients: readonly string[]): ReadonlySet<string> {
  const step = Math.max(Math.floor(recipients.length / SAMPLE_SIZE), 1);
  return new Set(recipients.filter((_, index) => index % step === 0).slice(0, SAMPLE_SIZE));
}

/** A batch that was claimed before becomes a new one if a recipient is removed from it. */
function without(batches: readonly PendingBatch[], sample: ReadonlySet<string>): PendingBatch[] {
  return batches.flatMap((batch) => {
    const recipients = batch.recipients.filter((recipient) => !sample.has(recipient));
    if (recipients.length === batch.recipients.length) return [batch];
    return recipients.length === 0 ? [] : [{ recipients }];
  });
}

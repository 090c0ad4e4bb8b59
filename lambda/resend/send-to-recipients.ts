import { errorName } from '../../lib/common/errors.ts';
import type { RetryPace } from '../../lib/domain/retry.ts';
import type { SendBatch } from '../../lib/ports/ledger.ts';
import { type BatchFeedback, bisect, type SendHistory } from './bisect.ts';
import { type FilterDeps, filterRecipients, type SuppressedRecipient } from './filter-recipients.ts';
import { type BatchSendResult, type OutgoingMail, type SendBatchDeps, sendBatch } from './send-batch.ts';
import { type PendingBatch, planSends, type SentRecipients } from './send-plan.ts';
import { eventDueAt, nextAttemptAt, observeEvents, type SendEventDeps } from './wait-for-send-event.ts';

export interface SendDeps extends SendBatchDeps, SendEventDeps, FilterDeps {
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

/** Recipients that SES refuses permanently, for the same cause. */
export interface RefusedRecipients {
  readonly cause: string;
  readonly detail: string;
  readonly recipients: readonly string[];
}

/** The result of each recipient of a mail; each is in exactly one of the lists. */
export interface SendSummary {
  /** By this try or an earlier one. */
  readonly sent: readonly SentRecipients[];
  readonly suppressed: readonly SuppressedRecipient[];
  readonly refused: readonly RefusedRecipients[];
  /** By the reputation fuse. */
  readonly held: readonly string[];
  /** Neither sent to nor refused. */
  readonly unsent: readonly string[];
  /** How soon to try again for those; undefined if only the time ran out. */
  readonly pace?: RetryPace;
  /** When to retry those that wait for another call or an event. */
  readonly retryAt?: Date;
}

export type SendResult =
  /** The ledger knows the id with another content; nothing was sent. */
  | { readonly kind: 'conflict'; readonly contentSha256: string }
  | ({ readonly kind: 'attempted' } & SendSummary);

/** Each read follows a claim that another invocation won, which cannot repeat for long. */
const MAX_LEDGER_READS = 5;

/**
 * Sends a mail through SES, at most 50 recipients a call, each call under a claim of the ledger: plans from
 * what the ledger knows, sends batch after batch, and plans again if another invocation claimed one of them
 * first.
 *
 * @throws if ledger or suppression list do not respond while nothing is decided for any recipient
 */
export async function sendToRecipients(mail: OutgoingMail, deps: SendDeps): Promise<SendResult> {
  const results = new RecipientResults(mail.recipients);
  const history: SendHistory = { refusals: 0, refusedAlone: 0, sentToSome: false };
  // Most ids are new to the ledger: the first claim detects that as a read would, and saves the read.
  let known: readonly SendBatch[] = [];
  let retryAt: Date | undefined;
  for (let reads = 0; reads < MAX_LEDGER_READS; reads += 1) {
    const observed = await observeEvents(known, deps);
    const maxRecipients = await deps.turns.maxRecipients(deps);
    const now = deps.clock.now();
    const plan = planSends(
      results.unsent,
      mail.contentSha256,
      known,
      (batch) => nextAttemptAt(batch, observed, now),
      maxRecipients,
    );
    if (plan.kind === 'conflict') return plan;
    for (const sent of plan.sent) {
      deps.metrics.add('DuplicatesPrevented', sent.recipients.length);
      results.addSent(sent);
    }
    retryAt = earliest(plan.waiting.map(({ until }) => until));
    const end = await sendPlanned(plan.pending, (known.at(-1)?.part ?? -1) + 1, {
      mail,
      results,
      history,
      deps,
    });
    if (end.kind === 'ended') {
      return { kind: 'attempted', ...results.summary(end.pace, earliest([retryAt, end.retryAt])) };
    }
    known = await deps.ledger.partsOf(mail.message.id);
  }
  return { kind: 'attempted', ...results.summary('rate', retryAt) };
}

interface Round {
  readonly mail: OutgoingMail;
  readonly results: RecipientResults;
  readonly history: SendHistory;
  readonly deps: SendDeps;
}

type RoundEnd =
  /** Another invocation claimed a batch first: the ledger has to be read again. */
  | { readonly kind: 'raced' }
  /** All were sent, or no more calls can be made now. */
  | { readonly kind: 'ended'; readonly pace?: RetryPace | undefined; readonly retryAt?: Date };

async function sendPlanned(
  planned: readonly PendingBatch[],
  firstPart: number,
  round: Round,
): Promise<RoundEnd> {
  const { results, history, deps } = round;
  const batches = bisect(planned, history);
  let newPart = firstPart;
  let refusal: { readonly cause: string; readonly detail: string } | undefined;
  let feedback: BatchFeedback = { kind: 'nothing-sent' };
  for (;;) {
    const next = batches.next(feedback);
    if (next.done) {
      if (refusal !== undefined && next.value.length > 0) results.addRefused(refusal, next.value);
      return { kind: 'ended' };
    }
    // Without progress the next try would get no further than this one, so it is delayed.
    if (!deps.hasTime()) {
      return { kind: 'ended', pace: history.refusals > 0 && !history.sentToSome ? 'outage' : undefined };
    }
    const { batch, isLast } = next.value;
    const part = batch.before?.part ?? newPart;
    const result = await sendUnsuppressed(batch, part, round);
    if (result === undefined) {
      feedback = { kind: 'nothing-sent' };
      continue;
    }
    newPart = Math.max(newPart, part + 1);
    switch (result.kind) {
      case 'raced':
        return { kind: 'raced' };
      case 'retry':
        return result.answerLost
          ? { kind: 'ended', pace: isLast ? undefined : result.pace, retryAt: await eventDueAt(deps) }
          : { kind: 'ended', pace: result.pace };
      case 'sent':
        results.addSent(result);
        feedback = { kind: 'sent' };
        break;
      case 'refused':
        refusal = result;
        if (result.recipients.length === 1) results.addRefused(result, result.recipients);
        feedback = { kind: 'refused', recipients: result.recipients };
    }
  }
}

/** Undefined if all recipients of the batch are suppressed or held. */
async function sendUnsuppressed(
  batch: PendingBatch,
  part: number,
  { mail, results, deps }: Round,
): Promise<(BatchSendResult & { readonly recipients: readonly string[] }) | undefined> {
  const { id } = mail.message;
  try {
    const { sendable, suppressed, held } = await filterRecipients(batch.recipients, mail.message, deps);
    for (const one of suppressed) results.addSuppressed(one);
    results.addHeld(held);
    if (sendable.length === 0) return undefined;
    return {
      ...(await sendBatch(mail, part, { ...batch, recipients: sendable }, deps)),
      recipients: sendable,
    };
  } catch (error) {
    // Keep the results of some recipients if a service fails for others.
    if (results.unsent.length === mail.recipients.length) throw error;
    deps.log.error('service-failed', { deliveryId: id, ...errorName(error) });
    return { kind: 'retry', pace: 'outage', answerLost: false, recipients: [] };
  }
}

/** Collects the result of each recipient; those without one are unsent. */
class RecipientResults {
  readonly #unsent: Set<string>;
  readonly #sent: SentRecipients[] = [];
  readonly #suppressed: SuppressedRecipient[] = [];
  readonly #refused: RefusedRecipients[] = [];
  readonly #held: string[] = [];

  constructor(recipients: readonly string[]) {
    this.#unsent = new Set(recipients);
  }

  get unsent(): readonly string[] {
    return [...this.#unsent];
  }

  addSent(sent: SentRecipients): void {
    this.#sent.push(sent);
    this.#close(sent.recipients);
  }

  addSuppressed(suppressed: SuppressedRecipient): void {
    this.#suppressed.push(suppressed);
    this.#close([suppressed.recipient]);
  }

  addHeld(recipients: readonly string[]): void {
    this.#held.push(...recipients);
    this.#close(recipients);
  }

  addRefused(
    { cause, detail }: { readonly cause: string; readonly detail: string },
    recipients: readonly string[],
  ): void {
    this.#refused.push({ cause, detail, recipients });
    this.#close(recipients);
  }

  summary(pace: RetryPace | undefined, retryAt: Date | undefined): SendSummary {
    return {
      sent: this.#sent,
      suppressed: this.#suppressed,
      refused: byCause(this.#refused),
      held: this.#held,
      unsent: this.unsent,
      ...(pace === undefined ? {} : { pace }),
      ...(retryAt === undefined ? {} : { retryAt }),
    };
  }

  #close(recipients: readonly string[]): void {
    for (const recipient of recipients) this.#unsent.delete(recipient);
  }
}

function earliest(dates: readonly (Date | undefined)[]): Date | undefined {
  return dates.reduce(
    (first, date) => (date !== undefined && (first === undefined || date < first) ? date : first),
    undefined,
  );
}

/** One dead letter for each cause, not one for each recipient. */
function byCause(refused: readonly RefusedRecipients[]): RefusedRecipients[] {
  const merged = new Map<string, RefusedRecipients>();
  for (const { cause, detail, recipients } of refused) {
    const before = merged.get(cause);
    merged.set(cause, {
      cause,
      detail: before?.detail ?? detail,
      recipients: [...(before?.recipients ?? []), ...recipients],
    });
  }
  return [...merged.values()];
}

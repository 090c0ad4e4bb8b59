import { errorName } from '../../lib/common/errors.ts';
import type { RetryPace } from '../../lib/domain/retry.ts';
import type { SendBatch } from '../../lib/ports/ledger.ts';
import { PendingBatches } from './bisect.ts';
import { filterSuppressed, type SuppressedRecipient, type SuppressionDeps } from './filter-suppressed.ts';
import type { OutgoingMail } from './send-batch.ts';
import { type BatchSendResult, type SendBatchDeps, sendBatch } from './send-batch.ts';
import { type PendingBatch, planSends, type SentRecipients } from './send-plan.ts';
import { eventDueAt, planRetryTimes, type SendEventDeps } from './wait-for-send-event.ts';

export interface SendDeps extends SendBatchDeps, SendEventDeps, SuppressionDeps {
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

/** Recipients that SES would refuse for ever, for one and the same cause. */
export interface RefusedRecipients {
  readonly reason: string;
  readonly detail: string;
  readonly recipients: readonly string[];
}

/** Where each recipient of an offer stands; each is in exactly one of the lists. */
export interface SendSummary {
  /** By this try or an earlier one. */
  readonly taken: readonly SentRecipients[];
  readonly suppressed: readonly SuppressedRecipient[];
  readonly refused: readonly RefusedRecipients[];
  /** Neither sent to nor refused. */
  readonly left: readonly string[];
  /** How soon to try again for those; undefined where only the time ran out. */
  readonly pace?: RetryPace;
  /** When there is something to be done for those again: a call of somebody else, or an event, is waited for. */
  readonly heldUntil?: Date;
}

export type SendResult =
  /** The ledger knows the id with another content; nothing was sent. */
  | { readonly kind: 'conflict'; readonly contentSha256: string }
  | ({ readonly kind: 'offered' } & SendSummary);

/**
 * After so many refusals, and no recipient taken, the mail itself may be what is refused. A single bad recipient is
 * found by a dozen calls, of which every second or third is taken.
 */
const REFUSALS_BEFORE_PROBES = 15;

/** Then so many recipients are tried alone; where SES refuses each of them, it is the mail. */
const PROBES = 5;

/** Each look follows a claim that somebody else was faster with; that cannot go on for long. */
const MAX_LEDGER_READS = 5;

/**
 * Offers a mail to SES, at most 50 recipients a call, and each call under a claim of the ledger. Where SES refuses
 * several recipients at once, one of them may be the reason: both halves are then offered, and theirs, until the bad
 * ones stand alone. Until somebody was sent to, the halves go first; then they wait until the others had their turn:
 * whoever can be sent to is sent to first, so that no try is in vain.
 *
 * @throws where ledger or suppression list do not answer, and nothing is decided for anyone yet
 */
export function sendToRecipients(offer: OutgoingMail, deps: SendDeps): Promise<SendResult> {
  return new Offering(offer, deps).run();
}

/** How the calls of one look ended. */
type CallsEnd =
  | { readonly kind: 'done' }
  /** Somebody else was faster: the ledger has to be looked at again. */
  | { readonly kind: 'raced' }
  /** No more calls now. */
  | { readonly kind: 'over'; readonly pace?: RetryPace | undefined };

type Refusal = Extract<BatchSendResult, { kind: 'refused' }> & { readonly recipients: readonly string[] };

class Offering {
  readonly #offer: OutgoingMail;
  readonly #deps: SendDeps;
  /** Those that nothing is decided for yet. */
  readonly #left: Set<string>;
  readonly #taken: SentRecipients[] = [];
  readonly #suppressed: SuppressedRecipient[] = [];
  readonly #refused: RefusedRecipients[] = [];
  #heldUntil: Date | undefined;
  #refusals = 0;
  #refusedAlone = 0;
  #sentToSome = false;
  #nextPart = 0;

  constructor(offer: OutgoingMail, deps: SendDeps) {
    this.#offer = offer;
    this.#deps = deps;
    this.#left = new Set(offer.recipients);
  }

  async run(): Promise<SendResult> {
    // Most ids are new to the ledger: the first claim finds that out as well as a look would, and saves it.
    let known: readonly SendBatch[] = [];
    for (let looks = 0; looks < MAX_LEDGER_READS; looks += 1) {
      const { id } = this.#offer.message;
      const heldUntil = await planRetryTimes(known, this.#deps);
      const standing = planSends([...this.#left], this.#offer.contentSha256, known, heldUntil);
      if (standing.kind === 'conflict') return standing;
      for (const taken of standing.taken) {
        this.#deps.metrics.add('DuplicatesPrevented', taken.recipients.length);
        this.#settle(this.#taken, taken, taken.recipients);
      }
      this.#heldUntil = earliest(standing.held.map(({ until }) => until));
      this.#nextPart = (known.at(-1)?.part ?? -1) + 1;
      const end = await this.#call([...standing.calls]);
      if (end.kind === 'done') return this.#outcome();
      if (end.kind === 'over') return this.#outcome(end.pace);
      known = await this.#deps.ledger.partsOf(id);
    }
    return this.#outcome('rate');
  }

  async #call(calls: PendingBatch[]): Promise<CallsEnd> {
    const line = new PendingBatches(calls);
    for (let call = line.next(); call !== undefined; call = line.next()) {
      // Without a step forward, the next try would come as far as this one: it should not come at once.
      if (!this.#deps.hasTime()) return over(this.#refusals > 0 && !this.#sentToSome ? 'outage' : undefined);
      const answer = await this.#offerTo(call).catch((error: unknown) => this.#outage(error));
      if (answer === undefined) continue;
      switch (answer.kind) {
        case 'raced':
          return { kind: 'raced' };
        case 'retry':
          if (answer.answerLost) this.#heldUntil = earliest([this.#heldUntil, await eventDueAt(this.#deps)]);
          return over(answer.answerLost && line.isEmpty ? undefined : answer.pace);
        case 'sent':
          this.#sentToSome = true;
          this.#settle(this.#taken, answer, answer.recipients);
          break;
        case 'refused':
          if (this.#condemns(answer, line)) return { kind: 'done' };
      }
    }
    return { kind: 'done' };
  }

  /** Undefined where nobody is left to be called for. */
  async #offerTo(
    call: PendingBatch,
  ): Promise<(BatchSendResult & { readonly recipients: readonly string[] }) | undefined> {
    const recipients = await this.#sift(call.recipients);
    if (recipients.length === 0) return undefined;
    const part = call.before?.part ?? this.#nextPart;
    const answer = await sendBatch(this.#offer, part, { ...call, recipients }, this.#deps);
    this.#nextPart = Math.max(this.#nextPart, part + 1);
    return { ...answer, recipients };
  }

  /** What is decided for some must not be forgotten because a service fails for others. */
  #outage(error: unknown): BatchSendResult & { readonly recipients: readonly string[] } {
    if (this.#left.size === this.#offer.recipients.length) throw error;
    this.#deps.log.error('service-failed', { deliveryId: this.#offer.message.id, ...errorName(error) });
    return { kind: 'retry', pace: 'outage', answerLost: false, recipients: [] };
  }

  /** @returns true where the mail itself is what SES refuses */
  #condemns(refusal: Refusal, line: PendingBatches): boolean {
    const { recipients } = refusal;
    this.#refusals += 1;
    if (recipients.length === 1) {
      this.#refuse(refusal, recipients);
      this.#refusedAlone += 1;
    } else line.bisect(recipients, this.#sentToSome);
    if (this.#sentToSome || this.#refusals < REFUSALS_BEFORE_PROBES) return false;
    if (this.#refusedAlone >= PROBES || line.isEmpty) {
      this.#refuse(refusal, line.recipients);
      return true;
    }
    if (this.#refusals === REFUSALS_BEFORE_PROBES) line.sample(PROBES);
    return false;
  }

  async #sift(recipients: readonly string[]): Promise<readonly string[]> {
    const { tenantId } = this.#offer.message;
    const { sendable, suppressed } = await filterSuppressed(recipients, tenantId, this.#deps);
    for (const one of suppressed) this.#settle(this.#suppressed, one, [one.recipient]);
    return sendable;
  }

  #refuse(
    { cause, detail }: { readonly cause: string; readonly detail: string },
    recipients: readonly string[],
  ) {
    this.#settle(this.#refused, { reason: cause, detail, recipients }, recipients);
  }

  /** Puts it into the list it belongs to; its recipients are no longer left. */
  #settle<T>(list: T[], entry: T, recipients: readonly string[]): void {
    list.push(entry);
    for (const recipient of recipients) this.#left.delete(recipient);
  }

  #outcome(pace?: RetryPace): SendResult {
    return {
      kind: 'offered',
      taken: this.#taken,
      suppressed: this.#suppressed,
      refused: byReason(this.#refused),
      left: [...this.#left],
      ...(pace === undefined ? {} : { pace }),
      ...(this.#heldUntil === undefined ? {} : { heldUntil: this.#heldUntil }),
    };
  }
}

function over(pace: RetryPace | undefined): CallsEnd {
  return { kind: 'over', pace };
}

function earliest(dates: readonly (Date | undefined)[]): Date | undefined {
  return dates.reduce(
    (first, date) => (date !== undefined && (first === undefined || date < first) ? date : first),
    undefined,
  );
}

/** One dead letter a reason, not one a recipient. */
function byReason(refused: readonly RefusedRecipients[]): RefusedRecipients[] {
  const merged = new Map<string, RefusedRecipients>();
  for (const { reason, detail, recipients } of refused) {
    const before = merged.get(reason);
    merged.set(reason, {
      reason,
      detail: before?.detail ?? detail,
      recipients: [...(before?.recipients ?? []), ...recipients],
    });
  }
  return [...merged.values()];
}

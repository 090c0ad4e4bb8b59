import { errorName } from '../../lib/common/errors.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { distinctRecipients } from '../../lib/domain/address.ts';
import {
  type FallbackMessage,
  forRecipients,
  serialiseFallbackMessage,
} from '../../lib/domain/fallback-message.ts';
import { QUEUE_RETENTION_DAYS, SES_MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import type { Ledger, SendBatch } from '../../lib/ports/ledger.ts';
import { type DeadLetterDeps, deadLetterMessage } from './dead-letter.ts';
import { sentReceipts } from './publish-receipts.ts';
import { isFree, isUnresolved, type PendingBatch, planSends } from './send-plan.ts';
import { nextAttemptAt, observeEvents, type SendEventDeps } from './wait-for-send-event.ts';

/** Why a mail must not be sent any more. */
interface Late {
  readonly reason: 'expired' | 'retention-ends';
  readonly detail: string;
}

/** One day before SQS would delete the message. */
const MAX_STAY_MS = (QUEUE_RETENTION_DAYS - 1) * DAY_MS;

/** Why a mail must not be sent any more; undefined if it may be. */
export function expiryOf(
  message: Pick<FallbackMessage, 'expiresAt'>,
  sentAt: Date,
  now: Date,
): Late | undefined {
  if (message.expiresAt !== undefined && new Date(message.expiresAt) <= now) {
    return { reason: 'expired', detail: `it expired at ${message.expiresAt}` };
  }
  if (now.getTime() - sentAt.getTime() > MAX_STAY_MS) {
    return { reason: 'retention-ends', detail: `in the queue since ${sentAt.toISOString()}` };
  }
  return undefined;
}

export type ExpiryResult =
  /** Each recipient has an end: the message can be deleted once the receipts are published. */
  | { readonly kind: 'resolved'; readonly receipts: readonly Receipt[] }
  /** A call may be in progress, or its event is due. */
  | { readonly kind: 'wait'; readonly until: Date };

/**
 * Dead-letters an expired mail for the recipients that it was not sent to. If a call may be in progress, or
 * its event still due, it waits for that.
 *
 * @throws if the receipt queue or dead-letter queue does not respond, or the ledger, unless SQS is about to
 * delete the message; the message then stays in the queue
 */
export async function resolveExpired(
  body: string,
  message: FallbackMessage,
  late: Late,
  deps: ExpiryDeps,
): Promise<ExpiryResult> {
  const known = await readBatches(message.id, late, deps);
  if (known === undefined) {
    const detail = `${late.detail}; the ledger could not be asked: it may have been sent`;
    await deadLetterMessage(body, message, late.reason, detail, deps);
    return { kind: 'resolved', receipts: [] };
  }
  const recipients = distinctRecipients(message.envelope.to);
  const observed = await observeEvents(known, deps);
  const now = deps.clock.now();
  const plan = planSends(
    recipients,
    contentOf(known),
    known,
    (batch) => nextAttemptAt(batch, observed, now),
    SES_MAX_RECIPIENTS,
  );
  if (plan.kind === 'conflict') {
    const detail = 'the ledger holds two contents of the id';
    await deadLetterMessage(body, message, 'id-conflict', detail, deps);
    return { kind: 'resolved', receipts: [] };
  }
  const { sent, waiting, pending } = plan;
  const first = waiting.map(({ until }) => until).sort((one, other) => one.getTime() - other.getTime())[0];
  if (first !== undefined) return { kind: 'wait', until: first };
  await deadLetterUnsent(body, message, late, pending, deps);
  return { kind: 'resolved', receipts: sentReceipts(message, deps.region, sent) };
}

type ExpiryDeps = DeadLetterDeps & SendEventDeps & { readonly ledger: Ledger };

/** Does not wait for an unavailable ledger if SQS is about to delete the mail. */
async function readBatches(
  deliveryId: string,
  { reason }: Late,
  { ledger, log }: ExpiryDeps,
): Promise<SendBatch[] | undefined> {
  try {
    return await ledger.partsOf(deliveryId);
  } catch (error) {
    if (reason !== 'retention-ends') throw error;
    log.error('service-failed', { deliveryId, ...errorName(error) });
    return undefined;
  }
}

/** The content of an expired mail is not loaded: it is assumed to be the one in the ledger. */
function contentOf(known: readonly SendBatch[]): string {
  const holding = known.find((batch) => batch.contentSha256 !== undefined && !isFree(batch)) ?? known[0];
  return holding?.contentSha256 ?? '';
}

async function deadLetterUnsent(
  body: string,
  message: FallbackMessage,
  { reason, detail }: Late,
  calls: readonly PendingBatch[],
  deps: ExpiryDeps,
): Promise<void> {
  const unsent = calls.flatMap((call) => call.recipients);
  if (unsent.length === 0) return;
  const unknownCount = calls.filter(({ before }) => before !== undefined && isUnresolved(before)).length;
  const doubt = unknownCount > 0 ? '; a call of SES ended without an answer, and no event reported it' : '';
  const isWhole = unsent.length === distinctRecipients(message.envelope.to).length;
  const theirs = isWhole ? message : forRecipients(message, unsent);
  await deadLetterMessage(
    isWhole ? body : serialiseFallbackMessage(theirs),
    theirs,
    reason,
    `${detail}${doubt}`,
    deps,
  );
  if (unknownCount > 0) deps.metrics.add('UnknownOutcomesResolved', unknownCount, 'parked');
}

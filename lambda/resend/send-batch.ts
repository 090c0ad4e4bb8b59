import { errorName } from '../../lib/common/errors.ts';
import { sinceFailureMs } from '../../lib/domain/failure.ts';
import { type FallbackMessage, failedAt } from '../../lib/domain/fallback-message.ts';
import type { RetryPace } from '../../lib/domain/retry.ts';
import { paceOfMail } from '../../lib/domain/ses-outage.ts';
import { type BatchClaim, type BatchResult, isUnknown, type Ledger } from '../../lib/ports/ledger.ts';
import type { Clock, Log, Metrics } from '../../lib/ports/runtime.ts';
import type { RawMailSender } from '../../lib/ports/senders.ts';
import { DYNAMODB_CALL_TIMEOUT_MS, SES_CALL_TIMEOUT_MS } from './constants.ts';
import type { PendingBatch } from './send-plan.ts';
import type { SendTurns } from './send-turns.ts';

export interface SendBatchDeps {
  readonly ses: RawMailSender;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Returns a unique token. */
  readonly newToken: () => string;
  readonly turns: SendTurns;
  /** When the invocation has to stop waiting for a turn. */
  readonly deadline: Date;
}

export type BatchSendResult =
  | { readonly kind: 'sent'; readonly sesMessageId: string; readonly sentAt: Date }
  /** Another invocation has claimed some recipients since the ledger was read. */
  | { readonly kind: 'raced' }
  | { readonly kind: 'retry'; readonly pace: RetryPace; readonly answerLost: boolean }
  | { readonly kind: 'refused'; readonly cause: string; readonly detail: string };

/** A claim may be read by a machine whose clock differs from the one that wrote it. */
const CLOCK_SKEW_MS = 2_000;

/**
 * A claim covers the ledger's response and one SES call. It must not end before the call does, or another
 * invocation could call SES at the same time.
 */
const CLAIM_MS = DYNAMODB_CALL_TIMEOUT_MS + SES_CALL_TIMEOUT_MS + CLOCK_SKEW_MS;

/** The claim is made while the call waits for its turn, but not much earlier: it covers only one call. */
const CLAIM_LEAD_MS = 50;

/**
 * Waits for a turn, claims the recipients, makes one SES call, and records its result.
 *
 * @throws if the ledger does not respond before the call; nothing was sent then
 */
export async function sendBatch(
  mail: OutgoingMail,
  part: number,
  { recipients, before }: PendingBatch,
  deps: SendBatchDeps,
): Promise<BatchSendResult> {
  const { ledger, ses, turns, deadline, clock, log, metrics } = deps;
  const { message, contentSha256, mime, from } = mail;
  const { id: deliveryId, tenantId, tags } = message;
  const isUrgent = message.priority === 'urgent';
  const call = { recipients: recipients.length, isUrgent, deadline, log, metrics };
  const turn = await turns.awaitTurn(call, CLAIM_LEAD_MS);
  if (turn.kind === 'none') {
    return { kind: 'retry', pace: turn.cause === 'rate' ? 'rate' : 'outage', answerLost: false };
  }
  const claim = newClaim(deps);
  const claimed: Claimed = { deliveryId, part, token: claim.token };
  const claiming =
    before === undefined
      ? ledger.open({ deliveryId, part, tenantId, contentSha256, recipients, claim })
      : ledger.claimAgain(before, recipients, claim);
  if (!(await claimOrRelease(claiming, claimed, deps))) return { kind: 'raced' };

  if (clock.now().getTime() + SES_CALL_TIMEOUT_MS + CLOCK_SKEW_MS > claim.endsAt.getTime()) {
    // The process was paused: the rest of the claim does not cover a call.
    await settle(claimed, { kind: 'open' }, deps);
    return { kind: 'retry', pace: 'outage', answerLost: false };
  }

  const fields = { deliveryId, part, tenantId, recipients: recipients.length, bytes: mime.length };
  if (before !== undefined && isUnknown(before, clock.now()))
    metrics.add('UnknownOutcomesResolved', 1, 'sent-again');
  const waitingSince = failedAt(message);
  await turns.until(turn);
  const response = await ses.send({
    from,
    recipients,
    mime,
    deliveryId,
    part,
    failedAt: waitingSince,
    tags: tags ?? {},
  });
  await turns.report(response, deps);
  if (response.kind === 'sent') {
    const { sesMessageId } = response;
    const sentAt = clock.now();
    await settle(claimed, { kind: 'sent', sesMessageId, sentAt }, deps);
    countSent(mail, recipients, sentAt, metrics);
    log.info('resent', { ...fields, sesMessageId, failureClass: message.failure?.class });
    return { kind: 'sent', sesMessageId, sentAt };
  }

  const { verdict, detail } = response;
  if (verdict.kind === 'never') {
    await settle(claimed, { kind: 'refused' }, deps);
    if (recipients.length > 1) log.warn('refused-in-part', { ...fields, cause: verdict.cause, detail });
    return { kind: 'refused', cause: verdict.cause, detail };
  }
  const { answerLost, cause } = verdict;
  await settle(claimed, answerLost ? { kind: 'unknown', endedAt: clock.now() } : { kind: 'open' }, deps);
  if (answerLost) metrics.add('UnknownOutcomes', 1);
  log.warn('ses-send-deferred', { ...fields, cause, answerLost, detail });
  return { kind: 'retry', pace: paceOfMail(verdict), answerLost };
}

function countSent(
  { message, mime }: OutgoingMail,
  recipients: readonly string[],
  sentAt: Date,
  metrics: Metrics,
): void {
  metrics.add('Resent', recipients.length);
  metrics.add('ResentBytes', mime.length);
  const tookMs = sinceFailureMs(failedAt(message), sentAt);
  if (tookMs !== undefined) metrics.add('TimeToAcceptance', tookMs);
}

function newClaim({ clock, newToken }: SendBatchDeps): BatchClaim {
  const startedAt = clock.now();
  return { token: newToken(), startedAt, endsAt: new Date(startedAt.getTime() + CLAIM_MS) };
}

interface Claimed {
  readonly deliveryId: string;
  readonly part: number;
  readonly token: string;
}

/**
 * Releases the claim if its own result is unknown: it may be in the ledger, and would look like an SES call
 * with an unknown result, although none was made. The token ensures that no other invocation's claim is
 * released.
 */
async function claimOrRelease(
  claiming: Promise<boolean>,
  claimed: Claimed,
  deps: SendBatchDeps,
): Promise<boolean> {
  try {
    return await claiming;
  } catch (error) {
    await settle(claimed, { kind: 'open' }, deps);
    throw error;
  }
}

/**
 * If the ledger write fails, the batch stays claimed until the claim ends, then counts as `unknown`: the next
 * try looks for the event. Nothing is sent twice or lost.
 */
async function settle(claimed: Claimed, result: BatchResult, { ledger, log }: SendBatchDeps): Promise<void> {
  try {
    await ledger.settle(claimed, result);
  } catch (error) {
    log.error('not-recorded', {
      deliveryId: claimed.deliveryId,
      part: claimed.part,
      result: result.kind,
      ...errorName(error),
    });
  }
}

export interface OutgoingMail {
  readonly message: FallbackMessage;
  readonly mime: Buffer;
  /** Of the bytes of `mime`, in hexadecimal digits. */
  readonly contentSha256: string;
  /** RFC 5321 reverse path, its domain in ASCII. */
  readonly from: string;
  readonly recipients: readonly string[];
}

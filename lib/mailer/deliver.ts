import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Accepted, Attempted, HandOver } from '../domain/outcome.ts';
import type { Log, LogFields } from '../ports/runtime.ts';
import type { RefusedRecipient, SmtpResult, SmtpRoute } from '../ports/senders.ts';
import { type HandOverDeps, type HandOverResult, handOver } from './hand-over.ts';

/**
 * What to do with a mail that SMTP may have accepted: resend it, because a duplicate is better than a loss,
 * or hold it for an operator.
 */
type UnknownPolicy = 'hand-over' | 'hold';

export interface DeliverDeps extends HandOverDeps {
  readonly smtp: SmtpRoute;
  readonly onUnknown: UnknownPolicy;
  readonly log: Log;
}

/**
 * Delivers a mail on the API's side: SMTP first, then the queue for every recipient that SMTP did not accept.
 * Each recipient is in exactly one place of the outcome.
 */
export async function deliver(delivery: Delivery, deps: DeliverDeps): Promise<Attempted> {
  return settleAndReport(delivery, await deps.smtp.send(delivery), deps);
}

/** The server refused every recipient as one that there is not: nothing was handed over. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly id: string;
  readonly failure: Failure;
}

/**
 * The same for a caller that has a client to answer, and so can return what it cannot later: a mail whose every recipient
 * the server refuses for good, since there is no such mailbox or domain, is `rejected` and not handed over. SES would only
 * bounce it. What the server refuses for a reason of its own (a denied relay, its policy, a block list) is handed over.
 */
export async function deliverOrReject(delivery: Delivery, deps: DeliverDeps): Promise<Attempted | Rejected> {
  const result = await deps.smtp.send(delivery);
  const rejection = findRejection(delivery, result);
  if (rejection === undefined) return settleAndReport(delivery, result, deps);
  deps.log.info('rejected-by-smtp', { deliveryId: delivery.id, ...fieldsOf(rejection) });
  return { kind: 'rejected', id: delivery.id, failure: rejection };
}

function findRejection({ to }: Delivery, { kind, refused }: SmtpResult): Failure | undefined {
  if (kind !== 'failed' || refused.length < to.length) return undefined;
  return refused.every(({ failure }) => isNoSuchRecipient(failure)) ? refused[0]?.failure : undefined;
}

/** Bad mailbox, bad system, bad syntax, moved, null MX: the codes of RFC 3463, 3.2, and RFC 7505 about the recipient alone. */
const NO_SUCH_RECIPIENT = /^5\.1\.(?:1|2|3|6|10)$/;

function isNoSuchRecipient({ class: failureClass, enhancedStatus = '' }: Failure): boolean {
  return failureClass === 'rejected' && NO_SUCH_RECIPIENT.test(enhancedStatus);
}

/** Only the hand-over, for a caller that already knows why SMTP did not accept the mail. */
export async function deliverBySqs(
  delivery: Delivery,
  failure: Failure,
  deps: DeliverDeps,
): Promise<Attempted> {
  return settleAndReport(delivery, { kind: 'failed', failure, failed: delivery.to, refused: [] }, deps);
}

async function settleAndReport(
  delivery: Delivery,
  result: SmtpResult,
  deps: DeliverDeps,
): Promise<Attempted> {
  const attempted = await settle(delivery, result, deps);
  reportAttempt(attempted, delivery, deps.log);
  return attempted;
}

async function settle(delivery: Delivery, result: SmtpResult, deps: DeliverDeps): Promise<Attempted> {
  if (result.kind === 'taken') return settleAccepted(delivery, result.taken, result.refused, deps);
  if (result.failure.class === 'unknown' && deps.onUnknown === 'hold') {
    return settleHeld(delivery, result.failure, result.failed, result.refused, deps);
  }
  const owed = [...result.failed, ...result.refused.map(({ address }) => address)];
  return toAttempted(delivery, result.failure, owed, await handOver(delivery, owed, result.failure, deps));
}

async function settleAccepted(
  delivery: Delivery,
  taken: Accepted,
  refused: readonly RefusedRecipient[],
  deps: DeliverDeps,
): Promise<Attempted> {
  const failure = firstDeferred(refused);
  if (failure === undefined) return { kind: 'taken', ...commonOf(delivery), taken };
  const owed = refused.map(({ address }) => address);
  return toAttempted(delivery, failure, owed, await handOver(delivery, owed, failure, deps), taken);
}

/** The refused recipients are certainly owed and are handed over; for the others the result is unknown. */
async function settleHeld(
  delivery: Delivery,
  failure: Failure,
  recipients: readonly string[],
  refused: readonly RefusedRecipient[],
  deps: DeliverDeps,
): Promise<Attempted> {
  const refusal = firstDeferred(refused);
  if (refusal === undefined) return { kind: 'held', ...commonOf(delivery), failure, recipients };
  const owed = refused.map(({ address }) => address);
  const result = await handOver(delivery, owed, refusal, deps);
  return result.kind === 'handed-over'
    ? { kind: 'held', ...commonOf(delivery), failure, recipients, handOver: result.handOver }
    : {
        kind: 'held',
        ...commonOf(delivery),
        failure,
        recipients,
        notAccepted: { recipients: owed, fallback: result.fallback },
      };
}

/** An envelope carries only one failure; prefer a deferral (4xx) if there is any. */
function firstDeferred(refused: readonly RefusedRecipient[]): Failure | undefined {
  return (refused.find(({ failure }) => failure.class === 'deferred') ?? refused[0])?.failure;
}

function toAttempted(
  delivery: Delivery,
  smtp: Failure,
  recipients: readonly string[],
  result: HandOverResult,
  taken?: Accepted,
): Attempted {
  if (result.kind === 'failed') {
    const notAccepted = {
      kind: 'not-accepted',
      ...commonOf(delivery),
      smtp,
      fallback: result.fallback,
      recipients,
    } as const;
    return taken === undefined ? notAccepted : { ...notAccepted, taken };
  }
  const handedOver: HandOver = result.handOver;
  return taken === undefined
    ? { kind: 'handed-over', ...commonOf(delivery), handOver: handedOver }
    : { kind: 'split', ...commonOf(delivery), taken, handOver: handedOver };
}

function commonOf({
  id,
  messageId,
  refused = [],
}: Delivery): Pick<Attempted, 'id' | 'messageId' | 'refused'> {
  return { id, messageId, ...(refused.length === 0 ? {} : { refused }) };
}

/** Logs one line per attempt; the level rises with the distance from plain success. */
function reportAttempt(attempted: Attempted, delivery: Delivery, log: Log): void {
  const common: LogFields = {
    deliveryId: delivery.id,
    tenantId: delivery.tenantId,
    bytes: delivery.mime.length,
    ...(attempted.refused === undefined ? {} : { recipientsRefused: attempted.refused.length }),
  };
  switch (attempted.kind) {
    case 'taken':
      log.info('accepted-by-smtp', { ...common, recipients: attempted.taken.recipients.length });
      break;
    case 'handed-over':
    case 'split': {
      const { failure, recipients, queueMessageId } = attempted.handOver;
      log.warn('handed-over', {
        ...common,
        ...fieldsOf(failure),
        recipients: recipients.length,
        queueMessageId,
      });
      break;
    }
    case 'held':
      log.warn('held', {
        ...common,
        ...fieldsOf(attempted.failure),
        recipients: attempted.recipients.length,
      });
      break;
    case 'not-accepted': {
      const { smtp, fallback, recipients } = attempted;
      log.error('not-accepted', {
        ...common,
        ...fieldsOf(smtp),
        recipients: recipients.length,
        fallbackCode: fallback.code,
        fallbackDetail: fallback.detail,
      });
    }
  }
}

/** Excludes the server's reply text: it quotes addresses. */
function fieldsOf({ class: failureClass, phase, code, enhancedStatus, command }: Failure): LogFields {
  return { failureClass, phase, code, enhancedStatus, command };
}

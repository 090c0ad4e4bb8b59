import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Accepted, Attempted, HandOver } from '../domain/outcome.ts';
import type { Log, LogFields } from '../ports/runtime.ts';
import type { RefusedRecipient, SmtpResult, SmtpRoute } from '../ports/senders.ts';
import { type HandOverDeps, type HandOverResult, handOver } from './hand-over.ts';

/**
 * What to do with a mail that SMTP may have taken: resend it, since a duplicate is better than a loss, or hold
 * it for a person.
 */
type UnknownPolicy = 'hand-over' | 'hold';

export interface DeliverDeps extends HandOverDeps {
  readonly smtp: SmtpRoute;
  readonly onUnknown: UnknownPolicy;
  readonly log: Log;
}

/**
 * The way of a mail on the API's side: SMTP first, and for every recipient that SMTP did not take, the queue.
 * Each recipient ends in exactly one place of the outcome.
 */
export async function deliver(delivery: Delivery, deps: DeliverDeps): Promise<Attempted> {
  return settleAndReport(delivery, await deps.smtp.send(delivery), deps);
}

/** The second half of the way, for a caller who knows already why SMTP did not take the mail. */
export async function deliverBySqs(
  delivery: Delivery,
  failure: Failure,
  deps: DeliverDeps,
): Promise<Attempted> {
  return settleAndReport(delivery, { kind: 'failed', failure, failed: delivery.to, refused: [] }, deps);
}

async function settleAndReport(
  delivery: Delivery,
  answer: SmtpResult,
  deps: DeliverDeps,
): Promise<Attempted> {
  const attempted = await settle(delivery, answer, deps);
  reportAttempt(attempted, delivery, deps.log);
  return attempted;
}

async function settle(delivery: Delivery, answer: SmtpResult, deps: DeliverDeps): Promise<Attempted> {
  if (answer.kind === 'taken') return settleTaken(delivery, answer.taken, answer.refused, deps);
  if (answer.failure.class === 'unknown' && deps.onUnknown === 'hold') {
    return settleHeld(delivery, answer.failure, answer.failed, answer.refused, deps);
  }
  const owed = [...answer.failed, ...answer.refused.map(({ address }) => address)];
  return toAttempted(delivery, answer.failure, owed, await handOver(delivery, owed, answer.failure, deps));
}

async function settleTaken(
  delivery: Delivery,
  taken: Accepted,
  refused: readonly RefusedRecipient[],
  deps: DeliverDeps,
): Promise<Attempted> {
  const failure = mostHopeful(refused);
  if (failure === undefined) return { kind: 'taken', ...told(delivery), taken };
  const owed = refused.map(({ address }) => address);
  return toAttempted(delivery, failure, owed, await handOver(delivery, owed, failure, deps), taken);
}

/** The refused are owed for sure and go on; of the others nobody knows. */
async function settleHeld(
  delivery: Delivery,
  failure: Failure,
  recipients: readonly string[],
  refused: readonly RefusedRecipient[],
  deps: DeliverDeps,
): Promise<Attempted> {
  const refusal = mostHopeful(refused);
  if (refusal === undefined) return { kind: 'held', ...told(delivery), failure, recipients };
  const owed = refused.map(({ address }) => address);
  const result = await handOver(delivery, owed, refusal, deps);
  return result.kind === 'handed-over'
    ? { kind: 'held', ...told(delivery), failure, recipients, handOver: result.handOver }
    : {
        kind: 'held',
        ...told(delivery),
        failure,
        recipients,
        notAccepted: { recipients: owed, fallback: result.fallback },
      };
}

/** One envelope carries one failure; where the server said "not now" to anyone, that is the one. */
function mostHopeful(refused: readonly RefusedRecipient[]): Failure | undefined {
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
      ...told(delivery),
      smtp,
      fallback: result.fallback,
      recipients,
    } as const;
    return taken === undefined ? notAccepted : { ...notAccepted, taken };
  }
  const handedOver: HandOver = result.handOver;
  return taken === undefined
    ? { kind: 'handed-over', ...told(delivery), handOver: handedOver }
    : { kind: 'split', ...told(delivery), taken, handOver: handedOver };
}

function told({ id, messageId }: Delivery): { id: string; messageId: string } {
  return { id, messageId };
}

/** Tells the log what became of an attempt: one line each, the louder the further from plain success. */
function reportAttempt(attempted: Attempted, delivery: Delivery, log: Log): void {
  const common: LogFields = {
    deliveryId: delivery.id,
    tenantId: delivery.tenantId,
    bytes: delivery.mime.length,
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

/** The server's own words stay out: they quote addresses. */
function fieldsOf({ class: failureClass, phase, code, enhancedStatus, command }: Failure): LogFields {
  return { failureClass, phase, code, enhancedStatus, command };
}

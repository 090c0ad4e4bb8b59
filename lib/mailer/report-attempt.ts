import type { Delivery } from '../message/delivery.ts';
import type { Failure } from '../message/failure.ts';
import type { Attempted } from '../message/outcome.ts';
import type { Log, LogFields } from '../ports/log.ts';

/** Tells the log what became of an attempt: one line each, the louder the further from plain success. */
export function reportAttempt(attempted: Attempted, delivery: Delivery, log: Log): void {
  const common: LogFields = {
    deliveryId: delivery.id,
    tenantId: delivery.tenantId,
    bytes: delivery.mime.length,
  };
  switch (attempted.kind) {
    case 'taken':
      log.info('taken-by-smtp', { ...common, recipients: attempted.taken.recipients.length });
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

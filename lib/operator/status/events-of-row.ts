import type { DeliveryRow, TracedAttempt } from '../../adapters/postgres/delivery-row.ts';
import { addressKey } from '../../message/address.ts';
import type { StoryEvent } from './story-event.ts';

/** What the row of the API's table tells, but for the fates that receipts brought. */
export function eventsOfRow(row: DeliveryRow): StoryEvent[] {
  const { createdAt, nextRetryAt, lease, status } = row;
  return [
    ...(createdAt === undefined ? [] : [event(createdAt, 'the API asked for it')]),
    ...row.attempts.map(eventOfAttempt),
    ...(status === 'queued' && nextRetryAt !== undefined ? [event(nextRetryAt, 'the next try is due')] : []),
    ...(lease?.until === undefined ? [] : [event(lease.until, `${lease.owner} has it in hand until then`)]),
  ];
}

function eventOfAttempt(attempt: TracedAttempt): StoryEvent {
  const { smtp, queue, late } = attempt;
  const recipients = [...(smtp?.recipients ?? []), ...(queue?.recipients ?? [])];
  const suffix = late === true ? ' (told late: another worker had it by then)' : '';
  return event(new Date(attempt.at), `${describe(attempt)}${suffix}`, recipients.map(addressKey));
}

function describe({ outcome, smtp, queue, failure, reason }: TracedAttempt): string {
  const taken = smtp === undefined ? '' : `SMTP took it for ${smtp.recipients.length}: ${smtp.response}`;
  const handedOver = `handed over for ${queue?.recipients.length ?? 0} (SQS ${queue?.queueMessageId ?? '?'})`;
  switch (outcome) {
    case 'taken':
      return taken;
    case 'handed-over':
      return `${handedOver}, since SMTP did not take it: ${cause(failure)}`;
    case 'split':
      return `${taken}; ${handedOver}: ${cause(failure)}`;
    case 'held':
      return `held, since SMTP may have taken it: ${cause(failure)}`;
    case 'not-accepted':
      return `neither SMTP (${cause(failure)}) nor the queue (${reason ?? '?'}) took it`;
    case 'refused':
      return `it can never be sent: ${reason ?? '?'}`;
  }
}

/** `rejected, 550 5.7.1 relay denied`. */
function cause(failure: TracedAttempt['failure'] = {}): string {
  const { class: kind = 'no reason', response, code } = failure;
  const detail = response ?? code;
  return detail === undefined ? kind : `${kind}, ${detail}`;
}

function event(at: Date, what: string, recipients: readonly string[] = []): StoryEvent {
  return { at, source: 'row', what, recipients };
}

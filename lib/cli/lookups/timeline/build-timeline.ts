import type { DeliveryRow, TracedAttempt } from '../../../adapters/postgres/delivery-rows.ts';
import { addressKey } from '../../../domain/address.ts';
import { mergeStatuses, type RecipientStatuses } from '../../../domain/delivery-status.ts';
import type { BatchClaim, SendBatch } from '../../../ports/ledger.ts';
import type { FixHints } from '../../hints.ts';
import type { DeadLetter } from '../dead-letters.ts';
import { type DeliveryFacts, type Reading, readingWithin, recipientsOf } from '../delivery-facts.ts';
import type { ListedAddress } from '../suppression-lists.ts';
import { batchConcerns, deriveState, type RecipientState } from './recipient-state.ts';
import { type EventTone, statusEvents, type TimelineEvent, withWords } from './status-events.ts';

export interface DeliveryTimeline {
  /** In chronological order. */
  readonly events: readonly TimelineEvent[];
  readonly recipients: readonly RecipientState[];
  /** Issues that an operator should look at. */
  readonly concerns: readonly string[];
  /** False if no queried source has the ID. */
  readonly known: boolean;
}

/** Builds one timeline from all sources. */
export function buildTimeline(facts: DeliveryFacts, now: Date, commands: FixHints): DeliveryTimeline {
  const row = readingWithin(facts.row);
  const parts = readingWithin(facts.parts) ?? [];
  const deadLetters = readingWithin(facts.deadLetters)?.deadLetters ?? [];
  const listed = (readingWithin(facts.suppressed)?.addresses ?? []).filter(
    ({ pipeline, ses }) => pipeline !== undefined || ses !== undefined,
  );
  const ledgerStatuses = parts.reduce<RecipientStatuses>(
    (statuses, part) => mergeStatuses(statuses, part.statuses),
    {},
  );
  const toldSent = new Set(parts.flatMap(({ sentAt, sesMessageId }) => (sentAt && sesMessageId) || []));
  const events = [
    ...(row === undefined ? [] : eventsOfRow(row)),
    ...parts.flatMap((part) => eventsOfBatch(part, now)),
    ...statusEvents({ row: row?.statuses ?? {}, ledger: ledgerStatuses, toldSent }),
    ...deadLetters.map(eventOfDeadLetter),
    ...listed.map(eventOfSuppression),
  ];
  const statuses = mergeStatuses(row?.statuses ?? {}, ledgerStatuses);
  const recipients = recipientsOf(facts).map((address) => deriveState(address, statuses, facts, now));
  const known = row !== undefined || parts.length > 0 || deadLetters.length > 0;
  return {
    events: events.toSorted((one, other) => one.at.getTime() - other.at.getTime()),
    recipients,
    concerns: [...(known ? [] : unknownConcerns(facts)), ...concernsOf(facts, recipients, { now, commands })],
    known,
  };
}

function eventOfDeadLetter({ cause, detail, sentAt, parsed }: DeadLetter): TimelineEvent {
  const recipients = parsed.kind === 'message' ? parsed.message.envelope.to.map(addressKey) : [];
  return {
    at: sentAt,
    source: 'dead letters',
    what: `parked: ${cause}`,
    words: detail,
    tone: 'bad',
    recipients,
  };
}

function eventOfSuppression({ address, pipeline, ses }: ListedAddress): TimelineEvent {
  const where =
    pipeline === undefined ? "SES's list" : ses === undefined ? "the pipeline's list" : 'both lists';
  const { reason, since } = pipeline ?? ses ?? { reason: 'unknown', since: new Date(0) };
  const of = pipeline?.deliveryId === undefined ? '' : `, by delivery ${pipeline.deliveryId}`;
  return {
    at: since,
    source: 'suppression list',
    what: `put on ${where} (${reason}${of}); nothing is sent to it`,
    tone: 'bad',
    recipients: [address],
  };
}

function unknownConcerns(facts: DeliveryFacts): string[] {
  const notQueried = sourcesNotQueried(facts);
  return notQueried.length === 0 ? [] : [`no place that was read has it; not read: ${notQueried.join('; ')}`];
}

function concernsOf(
  facts: DeliveryFacts,
  recipients: readonly RecipientState[],
  { now, commands }: { readonly now: Date; readonly commands: FixHints },
): string[] {
  const show = commands.mailctl(`dlq show ${facts.id}`);
  const row = readingWithin(facts.row);
  const deadLetters = readingWithin(facts.deadLetters);
  const lost = recipients.filter((recipient) => recipient.lost).length;
  const deadLettered = deadLetters?.deadLetters.length ?? 0;
  const isHeld = row?.status === 'sending' && row.attempts.at(-1)?.outcome === 'held';
  return [
    ...(row?.status === 'failed' ? [`the row says failed: ${row.lastError ?? 'no reason'}`] : []),
    ...(isHeld ? ['it is held: SMTP may have taken it, and a person decides'] : []),
    ...(row?.onHold === true
      ? [`it is on hold, and no worker sends it until: ${commands.mailctl(`queue release ${facts.id}`)}`]
      : []),
    ...(lost > 0 ? [`lost for ${lost} of ${recipients.length} recipients`] : []),
    ...batchConcerns(facts, now),
    ...(deadLettered > 0 ? [`${deadLettered} dead letters: ${show}`] : []),
    ...(deadLetters?.complete === false
      ? [`only ${deadLetters.looked} dead letters were looked at: ${show}`]
      : []),
  ];
}

/** The SES calls in the ledger, without the later SES events. */
function eventsOfBatch(batch: SendBatch, now: Date): TimelineEvent[] {
  const { claim, sentAt } = batch;
  const recipients = batch.recipients.map(addressKey);
  const name = `part ${batch.part}`;
  const event = (at: Date, tone: EventTone, what: string): TimelineEvent => ({
    ...{ at, tone, recipients, source: 'ledger', what: `${name}: ${what}` },
  });
  const claimed =
    claim === undefined ? [] : [event(claim.startedAt, 'info', 'the resend Lambda offered it to SES')];
  if (batch.state === 'sent') {
    if (sentAt === undefined) return claimed;
    return [...claimed, event(sentAt, 'good', `SES took it as ${batch.sesMessageId ?? '?'}`)];
  }
  if (claim === undefined) return [];
  return [...claimed, ...outcomeOf(batch, claim, now).map((one) => event(...one))];
}

const RESULT_UNKNOWN =
  'the call ended without an answer; the next try waits for what the events of SES tell, and sends again only then';

function outcomeOf(
  { state }: SendBatch,
  { startedAt, endsAt }: BatchClaim,
  now: Date,
): [Date, EventTone, string][] {
  switch (state) {
    case 'unknown':
      return [[endsAt, 'warn', RESULT_UNKNOWN]];
    case 'sending':
      return endsAt < now ? [[endsAt, 'warn', RESULT_UNKNOWN]] : [];
    case 'open':
      return [[startedAt, 'warn', 'SES did not take it now; it is tried again']];
    case 'refused':
      return [[startedAt, 'bad', 'SES refused it for ever']];
    case 'sent':
      return [];
  }
}

/** The events in the row of the API's table, without the statuses from receipts. */
function eventsOfRow(row: DeliveryRow): TimelineEvent[] {
  const { createdAt, nextRetryAt, lease, status } = row;
  const event = (at: Date, what: string): TimelineEvent => ({
    ...{ at, what, tone: 'info', source: 'row', recipients: [] },
  });
  return [
    ...(createdAt === undefined ? [] : [event(createdAt, 'the API asked for it')]),
    ...row.attempts.map(eventOfAttempt),
    ...(status === 'queued' && nextRetryAt !== undefined ? [event(nextRetryAt, 'the next try is due')] : []),
    ...(lease?.until === undefined ? [] : [event(lease.until, `${lease.owner} has it in hand until then`)]),
  ];
}

function eventOfAttempt(attempt: TracedAttempt): TimelineEvent {
  const { smtp, queue, late } = attempt;
  const recipients = [...(smtp?.recipients ?? []), ...(queue?.recipients ?? [])];
  const { what, words, tone } = describe(attempt);
  const suffix = late === true ? ' (told late: another worker had it by then)' : '';
  return {
    ...{ at: new Date(attempt.at), source: 'row', tone, words },
    what: `${what}${suffix}`,
    recipients: recipients.map(addressKey),
  };
}

function describe({ outcome, smtp, queue, failure = {}, reason }: TracedAttempt) {
  const accepted = smtp === undefined ? '' : `SMTP took it for ${smtp.recipients.length}`;
  const handedOver = `handed over for ${queue?.recipients.length ?? 0} (SQS ${queue?.queueMessageId ?? '?'})`;
  const { class: kind = 'no reason' } = failure;
  const words = failure.response ?? failure.code;
  const say = (tone: EventTone, what: string, said = words) => ({ tone, what, words: said });
  switch (outcome) {
    case 'taken':
      return say('good', accepted, smtp?.response);
    case 'handed-over':
      return say('warn', `${handedOver}, since SMTP did not take it: ${kind}`);
    case 'split':
      return say('warn', `${withWords(accepted, smtp?.response)}; ${handedOver}: ${kind}`);
    case 'held':
      return say('warn', `held, since SMTP may have taken it: ${kind}`);
    case 'not-accepted':
      return say('warn', `neither SMTP (${kind}) nor the queue (${reason ?? '?'}) took it`);
    case 'refused':
      return say('bad', `it can never be sent: ${reason ?? '?'}`);
  }
}

/** The sources that were not queried, and may hold a delivery that no other source has: one line each. */
export function sourcesNotQueried({ row, queue, deadLetters, parts }: DeliveryFacts): string[] {
  const scanned =
    deadLetters.kind === 'told' && !deadLetters.value.complete ? deadLetters.value.looked : undefined;
  const queued = queue.kind === 'told' ? queue.value.waiting + queue.value.inFlight : 0;
  return [
    ...notQueried('the row', row),
    ...notQueried('the fallback queues', queue),
    ...notQueried('the dead letters', deadLetters),
    ...notQueried('the ledger', parts),
    ...(scanned === undefined ? [] : [`the dead letters past the ${scanned} that were looked at`]),
    ...(queued === 0 ? [] : [`the ${queued} mails of the fallback queues, which are not looked into`]),
  ];
}

function notQueried(name: string, reading: Reading<unknown>): string[] {
  switch (reading.kind) {
    case 'told':
      return [];
    case 'skipped':
      return [`${name} (${reading.reason})`];
    case 'failed':
      return [`${name} (${reading.failure.message})`];
  }
}

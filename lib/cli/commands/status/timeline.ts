import type { DeliveryRow, TracedAttempt } from '../../../adapters/postgres/delivery-rows.ts';
import { addressKey } from '../../../domain/address.ts';
import { type Fates, laterFates } from '../../../domain/delivery-status.ts';
import type { LedgerPart, PartClaim } from '../../../ports/ledger.ts';
import type { MendCommands } from '../../hints.ts';
import type { Letter } from '../../lookups/dead-letters.ts';
import { answerIn, type DeliveryFacts, recipientsOf, type Told } from '../../lookups/delivery-facts.ts';
import { eventsOfFates, type StoryEvent } from '../../lookups/status-events.ts';
import type { ListedAddress } from '../../lookups/suppression-lists.ts';
import { partConcerns, type RecipientState, stateOf } from './recipient-state.ts';

export interface DeliveryStory {
  /** In order of time. */
  readonly events: readonly StoryEvent[];
  readonly recipients: readonly RecipientState[];
  /** What a person should look at. */
  readonly concerns: readonly string[];
  /** False where no place that was asked knows the id. */
  readonly known: boolean;
}

/** Makes one story of what all places told. */
export function tellDelivery(facts: DeliveryFacts, now: Date, commands: MendCommands): DeliveryStory {
  const row = answerIn(facts.row);
  const parts = answerIn(facts.parts) ?? [];
  const letters = answerIn(facts.letters)?.letters ?? [];
  const listed = (answerIn(facts.suppressed)?.addresses ?? []).filter(
    ({ pipeline, ses }) => pipeline !== undefined || ses !== undefined,
  );
  const ledgerFates = parts.reduce<Fates>((fates, part) => laterFates(fates, part.fates), {});
  const toldSent = new Set(parts.flatMap(({ sentAt, sesMessageId }) => (sentAt && sesMessageId) || []));
  const events = [
    ...(row === undefined ? [] : eventsOfRow(row)),
    ...parts.flatMap((part) => eventsOfPart(part, now)),
    ...eventsOfFates({ row: row?.fates ?? {}, ledger: ledgerFates, toldSent }),
    ...letters.map(eventOfLetter),
    ...listed.map(eventOfSuppression),
  ];
  const fates = laterFates(row?.fates ?? {}, ledgerFates);
  const recipients = recipientsOf(facts).map((address) => stateOf(address, fates, facts, now));
  const known = row !== undefined || parts.length > 0 || letters.length > 0;
  return {
    events: events.toSorted((one, other) => one.at.getTime() - other.at.getTime()),
    recipients,
    concerns: [...(known ? [] : unknownConcerns(facts)), ...concernsOf(facts, recipients, { now, commands })],
    known,
  };
}

function eventOfLetter({ cause, detail, sentAt, parsed }: Letter): StoryEvent {
  const recipients = parsed.kind === 'envelope' ? parsed.envelope.envelope.to.map(addressKey) : [];
  return { at: sentAt, source: 'dead letters', what: `parked: ${cause}: ${detail}`, recipients };
}

function eventOfSuppression({ address, pipeline, ses }: ListedAddress): StoryEvent {
  const where =
    pipeline === undefined ? "SES's list" : ses === undefined ? "the pipeline's list" : 'both lists';
  const { reason, since } = pipeline ?? ses ?? { reason: 'unknown', since: new Date(0) };
  const of = pipeline?.deliveryId === undefined ? '' : `, by delivery ${pipeline.deliveryId}`;
  return {
    at: since,
    source: 'suppression list',
    what: `put on ${where} (${reason}${of}); nothing is sent to it`,
    recipients: [address],
  };
}

function unknownConcerns(facts: DeliveryFacts): string[] {
  const unasked = unaskedPlaces(facts);
  return unasked.length === 0 ? [] : [`nobody who was asked knows it; not asked: ${unasked.join('; ')}`];
}

function concernsOf(
  facts: DeliveryFacts,
  recipients: readonly RecipientState[],
  { now, commands }: { readonly now: Date; readonly commands: MendCommands },
): string[] {
  const show = commands.mailctl(`dlq show ${facts.id}`);
  const row = answerIn(facts.row);
  const letters = answerIn(facts.letters);
  const lost = recipients.filter((recipient) => recipient.lost).length;
  const parked = letters?.letters.length ?? 0;
  const isHeld = row?.status === 'sending' && row.attempts.at(-1)?.outcome === 'held';
  return [
    ...(row?.status === 'failed' ? [`the row says failed: ${row.lastError ?? 'no reason'}`] : []),
    ...(isHeld ? ['it is held: SMTP may have taken it, and a person decides'] : []),
    ...(lost > 0 ? [`lost for ${lost} of ${recipients.length} recipients`] : []),
    ...partConcerns(facts, now),
    ...(parked > 0 ? [`${parked} dead letters: ${show}`] : []),
    ...(letters?.complete === false ? [`only ${letters.looked} dead letters were looked at: ${show}`] : []),
  ];
}

/** What the ledger tells of the calls to SES, but for what SES's events told after them. */
function eventsOfPart(part: LedgerPart, now: Date): StoryEvent[] {
  const { claim, sentAt } = part;
  const recipients = part.recipients.map(addressKey);
  const event = (at: Date, what: string): StoryEvent => ({ at, source: 'ledger', what, recipients });
  const name = `part ${part.part}`;
  const claimed =
    claim === undefined ? [] : [event(claim.startedAt, `${name}: the resend Lambda offered it to SES`)];
  if (part.state === 'sent') {
    if (sentAt === undefined) return claimed;
    return [...claimed, event(sentAt, `${name}: SES took it as ${part.sesMessageId ?? '?'}`)];
  }
  if (claim === undefined) return [];
  return [...claimed, ...outcomeOf(part, claim, now).map(([at, what]) => event(at, `${name}: ${what}`))];
}

const LOST_ANSWER =
  'the call ended without an answer; the next try waits for what the events of SES tell, and sends again only then';

function outcomeOf({ state }: LedgerPart, { startedAt, endsAt }: PartClaim, now: Date): [Date, string][] {
  switch (state) {
    case 'unknown':
      return [[endsAt, LOST_ANSWER]];
    case 'sending':
      return endsAt < now ? [[endsAt, LOST_ANSWER]] : [];
    case 'open':
      return [[startedAt, 'SES did not take it now; it is tried again']];
    case 'refused':
      return [[startedAt, 'SES refused it for ever']];
    case 'sent':
      return [];
  }
}

/** What the row of the API's table tells, but for the fates that receipts brought. */
function eventsOfRow(row: DeliveryRow): StoryEvent[] {
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

/** Where a delivery could be that no other place knows of, and nobody has looked: a line for each such place. */
export function unaskedPlaces({ row, queue, letters, parts }: DeliveryFacts): string[] {
  const looked = letters.kind === 'told' && !letters.value.complete ? letters.value.looked : undefined;
  const queued = queue.kind === 'told' ? queue.value.waiting + queue.value.outOfSight : 0;
  return [
    ...unasked('the row', row),
    ...unasked('the fallback queue', queue),
    ...unasked('the dead letters', letters),
    ...unasked('the ledger', parts),
    ...(looked === undefined ? [] : [`the dead letters past the ${looked} that were looked at`]),
    ...(queued === 0 ? [] : [`the ${queued} mails of the fallback queue, which are not looked into`]),
  ];
}

function unasked(name: string, told: Told<unknown>): string[] {
  switch (told.kind) {
    case 'told':
      return [];
    case 'skipped':
      return [`${name} (${told.reason})`];
    case 'failed':
      return [`${name} (${told.failure.message})`];
  }
}

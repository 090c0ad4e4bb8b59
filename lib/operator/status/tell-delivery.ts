import { addressKey } from '../../message/address.ts';
import { type Fates, laterFates } from '../../message/fate.ts';
import type { Letter } from '../dlq/letter.ts';
import type { MendCommands } from '../mend-commands.ts';
import type { ListedAddress } from '../suppression/suppression-lists.ts';
import { answerIn, type DeliveryFacts, recipientsOf } from './delivery-facts.ts';
import { eventsOfFates } from './events-of-fates.ts';
import { eventsOfPart } from './events-of-ledger.ts';
import { eventsOfRow } from './events-of-row.ts';
import { partConcerns } from './part-concerns.ts';
import { type RecipientState, stateOf } from './recipient-state.ts';
import type { StoryEvent } from './story-event.ts';
import { unaskedPlaces } from './unasked-places.ts';

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

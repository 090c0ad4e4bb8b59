import { addressKey } from '../../message/address.ts';
import { type Fate, type Fates, isLoss, laterFates } from '../../message/fate.ts';
import type { Letter } from '../dlq/letter.ts';
import type { ListedAddress } from '../suppression/suppression-lists.ts';
import { answerIn, type DeliveryFacts, recipientsOf } from './delivery-facts.ts';
import { describeFate, eventsOfFates } from './events-of-fates.ts';
import { eventsOfPart } from './events-of-ledger.ts';
import { eventsOfRow } from './events-of-row.ts';
import type { StoryEvent } from './story-event.ts';

/** Where the mail stands for one recipient. */
interface RecipientState {
  /** By `addressKey`. */
  readonly address: string;
  readonly state: string;
  readonly lost: boolean;
}

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
export function tellDelivery(facts: DeliveryFacts, now: Date): DeliveryStory {
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
  const recipients = recipientsOf(facts).map((address) => stateOf(address, fates, facts));
  return {
    events: events.toSorted((one, other) => one.at.getTime() - other.at.getTime()),
    recipients,
    concerns: concernsOf(facts, recipients),
    known: row !== undefined || parts.length > 0 || letters.length > 0,
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

/** What SES told counts most; what SMTP took has no later word. */
function stateOf(address: string, fates: Fates, facts: DeliveryFacts): RecipientState {
  const fate: Fate | undefined = Object.hasOwn(fates, address) ? fates[address] : undefined;
  if (fate !== undefined) return { address, state: describeFate(fate), lost: isLoss(fate) };
  const attempts = answerIn(facts.row)?.attempts ?? [];
  const has = (list: readonly string[] = []) => list.some((one) => addressKey(one) === address);
  if (attempts.some(({ smtp }) => has(smtp?.recipients))) {
    return { address, state: 'taken by SMTP', lost: false };
  }
  if (answerIn(facts.parts)?.some(({ state, recipients }) => state === 'sent' && has(recipients))) {
    return { address, state: 'taken by SES', lost: false };
  }
  const handedOver = attempts.some(({ queue }) => has(queue?.recipients));
  return { address, state: handedOver ? 'handed over' : 'waiting', lost: false };
}

function concernsOf(facts: DeliveryFacts, recipients: readonly RecipientState[]): string[] {
  const row = answerIn(facts.row);
  const letters = answerIn(facts.letters);
  const lost = recipients.filter((recipient) => recipient.lost).length;
  const parked = letters?.letters.length ?? 0;
  const isHeld = row?.status === 'sending' && row.attempts.at(-1)?.outcome === 'held';
  return [
    ...(row?.status === 'failed' ? [`the row says failed: ${row.lastError ?? 'no reason'}`] : []),
    ...(isHeld ? ['it is held: SMTP may have taken it, and a person decides'] : []),
    ...(lost > 0 ? [`lost for ${lost} of ${recipients.length} recipients`] : []),
    ...(parked > 0 ? [`${parked} dead letters: mailctl dlq show ${facts.id}`] : []),
    ...(letters?.complete === false
      ? [`only ${letters.looked} dead letters were looked at: mailctl dlq show ${facts.id}`]
      : []),
  ];
}

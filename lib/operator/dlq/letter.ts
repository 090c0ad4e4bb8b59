import type { HeldMessage } from '../../adapters/sqs/sqs-letter-box.ts';
import { maskAddressesIn } from '../../message/address.ts';
import { type ParsedEnvelope, parseEnvelope } from '../../message/envelope.ts';
import { MAX_RECEIVE_COUNT } from '../../message/limits.ts';

/** Causes of letters that nobody gave a reason for, or whose reason does not matter. */
const CAUSE = {
  /** Nobody can read the body: it can be looked at and dropped, never redriven. */
  unreadable: 'unreadable',
  /** SQS moved it here by itself. */
  givenUp: 'too-many-receives',
  /** Its body left no room for attributes; the log of the resend Lambda tells the reason. */
  untold: 'no-reason',
} as const;

/** A dead letter in hand. All texts can be shown on a terminal, and hold no whole address. */
export interface Letter extends HeldMessage {
  readonly parsed: ParsedEnvelope;
  /** A word to group by. */
  readonly cause: string;
  /** As it was parked with. */
  readonly reason: string | undefined;
  readonly detail: string;
  readonly deliveryId: string | undefined;
}

/** Reads a dead letter as the resend Lambda parks it, or as SQS moves it. */
export function readLetter(held: HeldMessage): Letter {
  const parsed = parseEnvelope(held.body);
  const { attributes } = held;
  const reason = attributes.reason === undefined ? undefined : printable(attributes.reason);
  const deliveryId = parsed.kind === 'envelope' ? parsed.envelope.id : attributes.deliveryId;
  return {
    ...held,
    parsed,
    reason,
    cause: causeOf(held, parsed, reason),
    detail: maskAddressesIn(printable(detailOf(held, parsed))),
    deliveryId: deliveryId === undefined ? undefined : printable(deliveryId),
  };
}

/** Without the characters that move a terminal's cursor or colour it: attributes and headers come from outside. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

function causeOf(held: HeldMessage, parsed: ParsedEnvelope, reason: string | undefined): string {
  if (parsed.kind === 'unreadable') return CAUSE.unreadable;
  if (reason !== undefined && reason !== '') return reason;
  return wasGivenUp(held) ? CAUSE.givenUp : CAUSE.untold;
}

function detailOf(held: HeldMessage, parsed: ParsedEnvelope): string {
  if (parsed.kind === 'unreadable') return `${parsed.reason}: ${parsed.detail}`;
  if (held.attributes.detail !== undefined) return held.attributes.detail;
  return wasGivenUp(held)
    ? `SQS handed it out ${MAX_RECEIVE_COUNT} times`
    : 'look for its id in the log of the resend Lambda';
}

function wasGivenUp({ movedByQueue, receiveCount }: HeldMessage): boolean {
  return movedByQueue || receiveCount > MAX_RECEIVE_COUNT;
}

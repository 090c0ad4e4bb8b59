import { addressKey } from '../../message/address.ts';
import type { LedgerPart, PartClaim } from '../../ports/ledger.ts';
import type { StoryEvent } from './story-event.ts';

/** What the ledger tells of the calls to SES, but for what SES's events told after them. */
export function eventsOfPart(part: LedgerPart, now: Date): StoryEvent[] {
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

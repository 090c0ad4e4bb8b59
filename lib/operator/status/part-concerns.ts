import type { TracedAttempt } from '../../adapters/postgres/delivery-row.ts';
import type { LedgerPart } from '../../ports/ledger.ts';
import { answerIn, type DeliveryFacts } from './delivery-facts.ts';
import { isUnknown } from './recipient-state.ts';

const HOUR_MS = 60 * 60 * 1000;

/** The tries of some hours are nothing unusual: SES may be away, or the quota of the day used up. */
const USUAL_WAIT_HOURS = 6;

/** What of the ledger a person should look at: what SES refused, and what has waited for longer than is usual. */
export function partConcerns(facts: DeliveryFacts, now: Date): string[] {
  const parts = answerIn(facts.parts) ?? [];
  const handedOverAt = firstHandOver(answerIn(facts.row)?.attempts ?? []);
  return parts.flatMap((part) => concernOf(part, handedOverAt, now));
}

function concernOf(part: LedgerPart, handedOverAt: number, now: Date): string[] {
  const name = `part ${part.part}`;
  if (part.state === 'refused') return [`${name}: SES refused it for ever, for ${forWhom(part)}`];
  const unknown = isUnknown(part, now);
  if (!unknown && part.state !== 'open') return [];
  // A claim is that of the latest try alone.
  const since = Math.min(part.claim?.startedAt.getTime() ?? Number.POSITIVE_INFINITY, handedOverAt);
  const hours = Math.floor((now.getTime() - since) / HOUR_MS);
  if (hours < USUAL_WAIT_HOURS) return [];
  const what = unknown ? 'it is unknown whether SES has it' : 'SES has not taken it';
  return [
    `${name}: ${what}, since ${hours} hours, for ${forWhom(part)}: look at the log of the resend Lambda`,
  ];
}

/** In milliseconds since 1970; infinite where it was not handed over, as far as is known. */
function firstHandOver(attempts: readonly TracedAttempt[]): number {
  const times = attempts.filter(({ queue }) => queue !== undefined).map(({ at }) => Date.parse(at));
  return Math.min(...times);
}

function forWhom({ recipients }: LedgerPart): string {
  return recipients.length === 1 ? '1 recipient' : `${recipients.length} recipients`;
}

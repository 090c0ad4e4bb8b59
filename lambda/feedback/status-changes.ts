import { addressKey } from '../../lib/domain/address.ts';
import { type Fate, type Fates, isNews, isSameFate, laterFate } from '../../lib/domain/delivery-status.ts';
import { sinceFailureMs } from '../../lib/domain/failure.ts';
import type { ToldFate } from '../../lib/domain/receipt.ts';
import type { PartFates } from '../../lib/ports/ledger.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import type { SesEvent } from './ses-event.ts';

export interface News {
  /** All that is known now. */
  readonly fates: Fates;
  /** What has to be told for the API to know it, too: fates that say more than the ledger knew, and no others. */
  readonly told: readonly ToldFate[];
}

/**
 * Adds what events tell to what the ledger knows of a part. The order of the events makes no difference, nor does how
 * often each came.
 *
 * @param before undefined where the ledger knows of no such part
 */
export function newsOf(before: PartFates | undefined, facts: readonly ToldFate[]): News {
  const fates: Record<string, Fate> = { ...before?.fates };
  const told: ToldFate[] = [];
  for (const [key, recipientFacts] of byRecipient(facts)) {
    const stored = Object.hasOwn(fates, key) ? fates[key] : undefined;
    const address = before?.recipients.find((recipient) => addressKey(recipient) === key);
    // The answer is about those of its call; an event may name more, where the part was claimed again for fewer.
    const answer = address === undefined ? undefined : answerOf(before);
    const { fate, news } =
      stored === undefined ? addToAnswer(answer, recipientFacts) : addTo(stored, recipientFacts);
    told.push(...news.map((one) => ({ address: address ?? one.address, fate: one.fate })));
    if (fate !== undefined) fates[key] = fate;
  }
  return { fates, told };
}

function byRecipient(facts: readonly ToldFate[]): Map<string, ToldFate[]> {
  const groups = new Map<string, ToldFate[]>();
  for (const fact of facts) {
    const key = addressKey(fact.address);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [fact]);
    else group.push(fact);
  }
  return groups;
}

interface Addition {
  /** Undefined where there is nothing to keep. */
  readonly fate: Fate | undefined;
  readonly news: readonly ToldFate[];
}

/** The answer of SES, where it is in the ledger: `sent` for all recipients, told to the API by who got the answer. */
function answerOf(before: PartFates | undefined): Fate | undefined {
  if (before?.state !== 'sent' || before.sentAt === undefined || isProofAlone(before)) return undefined;
  return { kind: 'sent', at: before.sentAt.toISOString(), sesMessageId: before.sesMessageId };
}

/** Whoever wrote down by an event that the part is sent, and no fate yet, may have died before it told the API. */
function isProofAlone({ fates, fatesVersion }: PartFates): boolean {
  return fatesVersion > 0 && Object.keys(fates).length === 0;
}

/** To who has the answer of SES, that SES took the mail is no news; a write and a receipt for each mail are saved. */
function addToAnswer(answer: Fate | undefined, facts: readonly ToldFate[]): Addition {
  if (answer === undefined) return addTo(undefined, facts);
  const others = facts.filter(({ fate }) => fate.kind !== 'sent');
  return others.length === 0 ? { fate: undefined, news: [] } : addTo(answer, others);
}

/** What says the most comes first: a state that is skipped over needs no receipt, the time of a delivery does. */
function addTo(known: Fate | undefined, facts: readonly ToldFate[]): Addition {
  let fate = known;
  const news: ToldFate[] = [];
  for (const fact of facts.toSorted(mostFirst)) {
    const next = laterFate(fate ?? fact.fate, fact.fate);
    if (fate !== undefined && isSameFate(fate, next)) continue;
    fate = next;
    news.push(fact);
  }
  return { fate, news };
}

function mostFirst({ fate: one }: ToldFate, { fate: other }: ToldFate): number {
  if (isNews(one, other)) return 1;
  if (isNews(other, one)) return -1;
  return Date.parse(one.at) - Date.parse(other.at);
}

/** Counts what the events tell that the ledger did not know: what comes twice is counted once. */
export function countNews({ told }: News, events: readonly SesEvent[], metrics: Metrics): void {
  for (const { fate } of told) {
    switch (fate.kind) {
      case 'delivered':
        metrics.add('Delivered', 1);
        countTimeToDelivery(fate, events, metrics);
        break;
      case 'bounced':
        metrics.add('Bounced', 1, fate.bounce?.type === 'Permanent' ? 'hard' : 'soft');
        break;
      case 'complained':
        metrics.add('Complained', 1);
        break;
    }
  }
}

function countTimeToDelivery(
  { sesMessageId, at }: Fate,
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  const failedAt = events.find((event) => event.sesMessageId === sesMessageId)?.failedAt;
  const tookMs = failedAt === undefined ? undefined : sinceFailureMs(failedAt, new Date(at));
  if (tookMs !== undefined) metrics.add('TimeToDelivery', tookMs);
}

/**
 * Counts the mails that SES took beside the one that the ledger knows. The ledger need not keep their ids, so that
 * the Send event alone is counted: SES publishes one for each mail, and the other events come besides.
 *
 * @param known the message id that the ledger had, or has by these events
 */
export function countSentTwice(
  known: PartFates['sesMessageId'],
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  const further = events.filter(({ type, sesMessageId }) => type === 'Send' && sesMessageId !== known);
  if (further.length === 0) return;
  metrics.add('SentTwice', new Set(further.map(({ sesMessageId }) => sesMessageId)).size);
}

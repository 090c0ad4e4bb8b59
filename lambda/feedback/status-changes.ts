import { addressKey } from '../../lib/domain/address.ts';
import {
  type DeliveryStatus,
  isNewer,
  isSameStatus,
  mergeStatus,
  type RecipientStatuses,
} from '../../lib/domain/delivery-status.ts';
import { sinceFailureMs } from '../../lib/domain/failure.ts';
import type { ReportedStatus } from '../../lib/domain/receipt.ts';
import type { BatchStatuses } from '../../lib/ports/ledger.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import type { SesEvent } from './ses-event.ts';

export interface StatusChanges {
  /** All that is known now. */
  readonly statuses: RecipientStatuses;
  /** What has to be told for the API to know it, too: statuses that say more than the ledger knew, and no others. */
  readonly told: readonly ReportedStatus[];
}

/**
 * Adds what events tell to what the ledger knows of a part. The order of the events makes no difference, nor does how
 * often each came.
 *
 * @param before undefined where the ledger knows of no such part
 */
export function findChanges(
  before: BatchStatuses | undefined,
  facts: readonly ReportedStatus[],
): StatusChanges {
  const statuses: Record<string, DeliveryStatus> = { ...before?.statuses };
  const told: ReportedStatus[] = [];
  for (const [key, recipientFacts] of byRecipient(facts)) {
    const stored = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
    const address = before?.recipients.find((recipient) => addressKey(recipient) === key);
    // The answer is about those of its call; an event may name more, where the part was claimed again for fewer.
    const answer = address === undefined ? undefined : answerOf(before);
    const { status, news } =
      stored === undefined ? addToAnswer(answer, recipientFacts) : addTo(stored, recipientFacts);
    told.push(...news.map((one) => ({ address: address ?? one.address, status: one.status })));
    if (status !== undefined) statuses[key] = status;
  }
  return { statuses: statuses, told };
}

function byRecipient(facts: readonly ReportedStatus[]): Map<string, ReportedStatus[]> {
  const groups = new Map<string, ReportedStatus[]>();
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
  readonly status: DeliveryStatus | undefined;
  readonly news: readonly ReportedStatus[];
}

/** The answer of SES, where it is in the ledger: `sent` for all recipients, told to the API by who got the answer. */
function answerOf(before: BatchStatuses | undefined): DeliveryStatus | undefined {
  if (before?.state !== 'sent' || before.sentAt === undefined || isProofAlone(before)) return undefined;
  return { kind: 'sent', at: before.sentAt.toISOString(), sesMessageId: before.sesMessageId };
}

/** Whoever wrote down by an event that the part is sent, and no status yet, may have died before it told the API. */
function isProofAlone({ statuses, fatesVersion }: BatchStatuses): boolean {
  return fatesVersion > 0 && Object.keys(statuses).length === 0;
}

/** To who has the answer of SES, that SES took the mail is no news; a write and a receipt for each mail are saved. */
function addToAnswer(answer: DeliveryStatus | undefined, facts: readonly ReportedStatus[]): Addition {
  if (answer === undefined) return addTo(undefined, facts);
  const others = facts.filter(({ status }) => status.kind !== 'sent');
  return others.length === 0 ? { status: undefined, news: [] } : addTo(answer, others);
}

/** What says the most comes first: a state that is skipped over needs no receipt, the time of a delivery does. */
function addTo(known: DeliveryStatus | undefined, facts: readonly ReportedStatus[]): Addition {
  let status = known;
  const news: ReportedStatus[] = [];
  for (const fact of facts.toSorted(mostFirst)) {
    const next = mergeStatus(status ?? fact.status, fact.status);
    if (status !== undefined && isSameStatus(status, next)) continue;
    status = next;
    news.push(fact);
  }
  return { status: status, news };
}

function mostFirst({ status: one }: ReportedStatus, { status: other }: ReportedStatus): number {
  if (isNewer(one, other)) return 1;
  if (isNewer(other, one)) return -1;
  return Date.parse(one.at) - Date.parse(other.at);
}

/** Counts what the events tell that the ledger did not know: what comes twice is counted once. */
export function countChanges({ told }: StatusChanges, events: readonly SesEvent[], metrics: Metrics): void {
  for (const { status } of told) {
    switch (status.kind) {
      case 'delivered':
        metrics.add('Delivered', 1);
        countTimeToDelivery(status, events, metrics);
        break;
      case 'bounced':
        metrics.add('Bounced', 1, status.bounce?.type === 'Permanent' ? 'hard' : 'soft');
        break;
      case 'complained':
        metrics.add('Complained', 1);
        break;
    }
  }
}

function countTimeToDelivery(
  { sesMessageId, at }: DeliveryStatus,
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
  known: BatchStatuses['sesMessageId'],
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  const further = events.filter(({ type, sesMessageId }) => type === 'Send' && sesMessageId !== known);
  if (further.length === 0) return;
  metrics.add('SentTwice', new Set(further.map(({ sesMessageId }) => sesMessageId)).size);
}

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
  /** All statuses, including the changes. */
  readonly statuses: RecipientStatuses;
  /** Statuses to publish to the API: those that add to what the ledger knew, and no others. */
  readonly reported: readonly ReportedStatus[];
}

/**
 * Merges the statuses of events into those in the ledger. The result does not depend on the order of the
 * events or on duplicates.
 *
 * @param before undefined if the ledger has no such batch
 */
export function findChanges(
  before: BatchStatuses | undefined,
  facts: readonly ReportedStatus[],
): StatusChanges {
  const statuses: Record<string, DeliveryStatus> = { ...before?.statuses };
  const reported: ReportedStatus[] = [];
  for (const [key, recipientFacts] of byRecipient(facts)) {
    const stored = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
    const address = before?.recipients.find((recipient) => addressKey(recipient) === key);
    // The response covers its call's recipients; an event may name more if the batch was reclaimed for fewer.
    const response = address === undefined ? undefined : responseIn(before);
    const { status, news } =
      stored === undefined ? addToResponse(response, recipientFacts) : addTo(stored, recipientFacts);
    reported.push(...news.map((one) => ({ address: address ?? one.address, status: one.status })));
    if (status !== undefined) statuses[key] = status;
  }
  return { statuses: statuses, reported };
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
  /** Undefined if there is nothing to store. */
  readonly status: DeliveryStatus | undefined;
  readonly news: readonly ReportedStatus[];
}

/** SES's response, if it is in the ledger: `sent` for all recipients, published by the resend Lambda. */
function responseIn(before: BatchStatuses | undefined): DeliveryStatus | undefined {
  if (before?.state !== 'sent' || before.sentAt === undefined || isProofAlone(before)) return undefined;
  return { kind: 'sent', at: before.sentAt.toISOString(), sesMessageId: before.sesMessageId };
}

/** The invocation that recorded `sent` from an event, but no status, may have crashed before the receipts. */
function isProofAlone({ statuses, fatesVersion }: BatchStatuses): boolean {
  return fatesVersion > 0 && Object.keys(statuses).length === 0;
}

/** After SES's response a `sent` event is not new; skipping it saves a write and a receipt per mail. */
function addToResponse(response: DeliveryStatus | undefined, facts: readonly ReportedStatus[]): Addition {
  if (response === undefined) return addTo(undefined, facts);
  const others = facts.filter(({ status }) => status.kind !== 'sent');
  return others.length === 0 ? { status: undefined, news: [] } : addTo(response, others);
}

/** Most advanced status first: a skipped state needs no receipt, the time of a delivery does. */
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

/** Counts only the changes, so a duplicate event is counted once. */
export function countChanges(
  { reported }: StatusChanges,
  events: readonly SesEvent[],
  metrics: Metrics,
): void {
  for (const { status } of reported) {
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
 * Counts mails that SES accepted in addition to the one in the ledger. The ledger may not store their ids, so
 * only Send events are counted: SES publishes one per mail, besides the other events.
 *
 * @param known the message id in the ledger, from before or from these events
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

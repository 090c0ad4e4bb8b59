import { addressKey } from '../../lib/domain/address.ts';
import type { RecipientStatuses } from '../../lib/domain/delivery-status.ts';
import { type Receipt, toReceipts } from '../../lib/domain/receipt.ts';
import { type BatchStatuses, isUnknown, type StatusLedger } from '../../lib/ports/ledger.ts';
import type { ReceiptQueue } from '../../lib/ports/queues.ts';
import type { Clock, Log, Metrics } from '../../lib/ports/runtime.ts';
import type { SesEvent } from './ses-event.ts';
import { countChanges, countSentTwice, findChanges, type StatusChanges } from './status-changes.ts';

export interface RecordStatusDeps {
  readonly ledger: StatusLedger;
  readonly receipts: ReceiptQueue;
  /** Where SES runs. */
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Events about the same send batch. */
export type BatchEvents = readonly [SesEvent, ...SesEvent[]];

/** The loser of a race reads the winner's write; this many times in a row it is no race. */
const MAX_TRIES = 5;

/**
 * Records in the ledger that SES accepted the mail, if that is new; then publishes receipts of the changes;
 * then writes the changes to the ledger. In this order a crash in between may duplicate a receipt, but never
 * loses one.
 *
 * @throws if the ledger or receipt queue did not confirm; all of it can be repeated
 */
export async function recordStatuses(events: BatchEvents, deps: RecordStatusDeps): Promise<void> {
  const { deliveryId, part } = events[0];
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const before = await deps.ledger.read(deliveryId, part);
    const version = await proveSent(events, before, deps);
    if (version === undefined) continue;
    // Compared with the state before the proof: no receipt was published yet that the mail is sent.
    const news = findChanges(
      before,
      events.flatMap(({ statuses }) => statuses),
    );
    const receipts = await pushReceipts(events, before, news, deps);
    if (await write(events, before, version, news, deps.ledger)) {
      countChanges(news, events, deps.metrics);
      countSentTwice(before?.sesMessageId ?? earliest(events).sesMessageId, events, deps.metrics);
      logApplied(events, before, news, receipts, deps.log);
      return;
    }
  }
  throw new LedgerContendedError(deliveryId);
}

class LedgerContendedError extends Error {
  override readonly name = 'LedgerContendedError';
  readonly code = 'LEDGER_CONTENDED';

  constructor(deliveryId: string) {
    super(`others wrote the statuses of ${deliveryId} ${MAX_TRIES} times in a row`);
  }
}

class ReceiptsNotConfirmedError extends Error {
  override readonly name = 'ReceiptsNotConfirmedError';
  readonly code = 'RECEIPTS_NOT_CONFIRMED';

  constructor(count: number) {
    super(`the queue did not confirm ${count} receipts`);
  }
}

/**
 * Each event proves that SES accepted the mail, and the resend Lambda may be waiting for this proof, and
 * sends the mail again if there is none. So the proof is written first, and does not wait for the receipt
 * queue.
 *
 * @returns the new version of the statuses; undefined if another invocation has written since
 */
async function proveSent(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  { ledger, clock, log, metrics }: RecordStatusDeps,
): Promise<number | undefined> {
  const version = before?.fatesVersion ?? 0;
  if (before?.state === 'sent') return version;
  const proof = toLedgerWrite(events, before, before?.statuses ?? {});
  if (!(await ledger.write(proof, version))) return undefined;
  if (before !== undefined) {
    const { deliveryId, part, tenantId, state } = before;
    if (isUnknown(before, clock.now())) metrics.add('UnknownOutcomesResolved', 1, 'event');
    log.info('unknown-outcome-resolved', {
      deliveryId,
      part,
      tenantId,
      state,
      sesMessageId: proof.sesMessageId,
    });
  }
  return version + 1;
}

async function pushReceipts(
  [{ deliveryId: id }]: BatchEvents,
  before: BatchStatuses | undefined,
  { reported }: StatusChanges,
  { receipts: queue, region }: RecordStatusDeps,
): Promise<readonly Receipt[]> {
  const receipts = toReceipts({ id, tenantId: before?.tenantId, region }, reported);
  if (receipts.length === 0) return receipts;
  const left = await queue.push(receipts);
  if (left.length > 0) throw new ReceiptsNotConfirmedError(left.length);
  return receipts;
}

/** @returns false if another invocation has written since */
async function write(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  version: number,
  { reported, statuses }: StatusChanges,
  ledger: StatusLedger,
): Promise<boolean> {
  return reported.length === 0 || ledger.write(toLedgerWrite(events, before, statuses), version);
}

function toLedgerWrite(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  statuses: RecipientStatuses,
): Parameters<StatusLedger['write']>[0] {
  const { deliveryId, part, sesMessageId, sentAt } = earliest(events);
  const recipients = recipientsOf(events, before);
  return { deliveryId, part, sesMessageId, sentAt: new Date(sentAt), recipients, statuses: statuses };
}

/** Uses the ledger's spelling for known recipients: the resend Lambda looks them up as in the envelope. */
function recipientsOf(events: BatchEvents, before: BatchStatuses | undefined): string[] {
  const recipients = [...(before?.recipients ?? [])];
  const known = new Set(recipients.map(addressKey));
  for (const address of events.flatMap(({ destinations }) => destinations)) {
    const key = addressKey(address);
    if (known.has(key)) continue;
    known.add(key);
    recipients.push(address);
  }
  return recipients;
}

function earliest(events: BatchEvents): SesEvent {
  return events.reduce((one, other) => (other.sentAt < one.sentAt ? other : one));
}

function logApplied(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  { reported }: StatusChanges,
  receipts: readonly Receipt[],
  log: Log,
): void {
  const { deliveryId, part } = events[0];
  const fields = { deliveryId, part, tenantId: before?.tenantId };
  const sesMessageIds = sendsOf(events, before);
  if (sesMessageIds.length > 1) log.warn('sent-twice', { ...fields, sesMessageIds });
  log.info('event-applied', {
    ...fields,
    kinds: [...new Set(events.map(({ type }) => type))],
    events: events.length,
    news: reported.length,
    receipts: receipts.length,
  });
}

/** A batch is sent once; each further known message id of it is a duplicate mail. */
function sendsOf(events: BatchEvents, before: BatchStatuses | undefined): string[] {
  const ids = [
    before?.sesMessageId,
    ...Object.values(before?.statuses ?? {}).map(({ sesMessageId }) => sesMessageId),
    ...events.map(({ sesMessageId }) => sesMessageId),
  ];
  return [...new Set(ids.filter((id) => id !== undefined))];
}

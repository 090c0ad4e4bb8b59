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

/** Events about the same part of a delivery. */
export type BatchEvents = readonly [SesEvent, ...SesEvent[]];

/** Who loses a race reads what the winner wrote; so many times in a row it is no race. */
const MAX_TRIES = 5;

/**
 * Writes that SES took the mail, where the ledger does not know; then tells the API what is new; then writes that
 * into the ledger, too. In this order a crash in between costs a receipt that comes twice, and never one that does
 * not come.
 *
 * @throws where the ledger or the queue of the receipts did not confirm it; all of it can be done again
 */
export async function recordStatuses(events: BatchEvents, deps: RecordStatusDeps): Promise<void> {
  const { deliveryId, part } = events[0];
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const before = await deps.ledger.read(deliveryId, part);
    const version = await proveSent(events, before, deps);
    if (version === undefined) continue;
    // By what was known before the proof: nobody has told the API yet that the mail is sent.
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
 * Each event proves that SES took the mail, and the resend Lambda may be waiting for the proof, to send the mail again
 * where none comes. So it waits for nothing, and least of all for the queue of the receipts.
 *
 * @returns the version of the statuses from then on; undefined where somebody else has written meanwhile
 */
async function proveSent(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  { ledger, clock, log, metrics }: RecordStatusDeps,
): Promise<number | undefined> {
  const version = before?.fatesVersion ?? 0;
  if (before?.state === 'sent') return version;
  const proof = toldOf(events, before, before?.statuses ?? {});
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
  { told }: StatusChanges,
  { receipts: queue, region }: RecordStatusDeps,
): Promise<readonly Receipt[]> {
  const receipts = toReceipts({ id, tenantId: before?.tenantId, region }, told);
  if (receipts.length === 0) return receipts;
  const left = await queue.push(receipts);
  if (left.length > 0) throw new ReceiptsNotConfirmedError(left.length);
  return receipts;
}

/** @returns false where somebody else has written meanwhile */
async function write(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  version: number,
  { told, statuses }: StatusChanges,
  ledger: StatusLedger,
): Promise<boolean> {
  return told.length === 0 || ledger.write(toldOf(events, before, statuses), version);
}

function toldOf(
  events: BatchEvents,
  before: BatchStatuses | undefined,
  statuses: RecipientStatuses,
): Parameters<StatusLedger['write']>[0] {
  const { deliveryId, part, sesMessageId, sentAt } = earliest(events);
  const recipients = recipientsOf(events, before);
  return { deliveryId, part, sesMessageId, sentAt: new Date(sentAt), recipients, statuses: statuses };
}

/** As the ledger spells them, where it knows them: the resend Lambda looks for them as they stand in the envelope. */
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
  { told }: StatusChanges,
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
    news: told.length,
    receipts: receipts.length,
  });
}

/** A part is sent once; each further message id that is known of it is a mail that came twice. */
function sendsOf(events: BatchEvents, before: BatchStatuses | undefined): string[] {
  const ids = [
    before?.sesMessageId,
    ...Object.values(before?.statuses ?? {}).map(({ sesMessageId }) => sesMessageId),
    ...events.map(({ sesMessageId }) => sesMessageId),
  ];
  return [...new Set(ids.filter((id) => id !== undefined))];
}

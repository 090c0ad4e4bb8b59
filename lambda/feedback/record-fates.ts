import { type Receipt, receiptsOf } from '../../lib/message/receipt.ts';
import type { FateLedger, PartFates } from '../../lib/ports/ledger.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { ReceiptQueue } from '../../lib/ports/receipt-queue.ts';
import { type News, newsOf } from './news-of.ts';
import type { SesEvent } from './ses-event.ts';

export interface FateParts {
  readonly ledger: FateLedger;
  readonly receipts: ReceiptQueue;
  /** Where SES runs. */
  readonly region: string;
  readonly log: Log;
}

/** Events about the same part of a delivery. */
export type PartEvents = readonly [SesEvent, ...SesEvent[]];

/** Who loses a race reads what the winner wrote; so many times in a row it is no race. */
const MOST_TRIES = 5;

/**
 * Tells the API what is new, and then writes it into the ledger. In this order a crash in between costs a receipt
 * that comes twice, and never one that does not come.
 *
 * @throws where the ledger or the queue of the receipts did not confirm it; all of it can be done again
 */
export async function recordFates(events: PartEvents, parts: FateParts): Promise<void> {
  const { deliveryId, part } = events[0];
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const before = await parts.ledger.read(deliveryId, part);
    const news = newsOf(
      before,
      events.flatMap(({ fates }) => fates),
    );
    const receipts = await pushReceipts(events, before, news, parts);
    if (await write(events, before, news, parts.ledger)) {
      logApplied(events, before, news, receipts, parts.log);
      return;
    }
  }
  throw new LedgerContendedError(deliveryId);
}

class LedgerContendedError extends Error {
  override readonly name = 'LedgerContendedError';
  readonly code = 'LEDGER_CONTENDED';

  constructor(deliveryId: string) {
    super(`others wrote the fates of ${deliveryId} ${MOST_TRIES} times in a row`);
  }
}

class ReceiptsNotConfirmedError extends Error {
  override readonly name = 'ReceiptsNotConfirmedError';
  readonly code = 'RECEIPTS_NOT_CONFIRMED';

  constructor(count: number) {
    super(`the queue did not confirm ${count} receipts`);
  }
}

async function pushReceipts(
  [{ deliveryId: id }]: PartEvents,
  before: PartFates | undefined,
  { told }: News,
  { receipts: queue, region }: FateParts,
): Promise<readonly Receipt[]> {
  const receipts = receiptsOf({ id, tenantId: before?.tenantId, region }, told);
  if (receipts.length === 0) return receipts;
  const left = await queue.push(receipts);
  if (left.length > 0) throw new ReceiptsNotConfirmedError(left.length);
  return receipts;
}

/** @returns false where somebody else has written meanwhile */
async function write(
  events: PartEvents,
  before: PartFates | undefined,
  { told, fates }: News,
  ledger: FateLedger,
): Promise<boolean> {
  if (told.length === 0 && before?.state === 'sent') return true;
  const { deliveryId, part, sesMessageId, sentAt } = earliest(events);
  const recipients = [...new Set(events.flatMap(({ destinations }) => destinations))];
  return ledger.write(
    { deliveryId, part, sesMessageId, sentAt: new Date(sentAt), recipients, fates },
    before?.fatesVersion ?? 0,
  );
}

function earliest(events: PartEvents): SesEvent {
  return events.reduce((one, other) => (other.sentAt < one.sentAt ? other : one));
}

function logApplied(
  events: PartEvents,
  before: PartFates | undefined,
  { told }: News,
  receipts: readonly Receipt[],
  log: Log,
): void {
  const { deliveryId, part } = events[0];
  const fields = { deliveryId, part, tenantId: before?.tenantId };
  if (before !== undefined && before.state !== 'sent') {
    log.info('answer-found', { ...fields, state: before.state, sesMessageId: earliest(events).sesMessageId });
  }
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
function sendsOf(events: PartEvents, before: PartFates | undefined): string[] {
  const ids = [
    before?.sesMessageId,
    ...Object.values(before?.fates ?? {}).map(({ sesMessageId }) => sesMessageId),
    ...events.map(({ sesMessageId }) => sesMessageId),
  ];
  return [...new Set(ids.filter((id) => id !== undefined))];
}

import type { SQSRecord } from 'aws-lambda';
import { addressKey } from '../../lib/domain/address.ts';
import type { DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import type { SuppressionSignal } from '../../lib/domain/suppression.ts';
import type { SuppressionReports } from '../../lib/ports/ledger.ts';
import type { DeadLetters } from '../../lib/ports/queues.ts';
import type { Log } from '../../lib/ports/runtime.ts';
import { type BatchEvents, type RecordStatusDeps, recordStatuses } from './record-status.ts';
import { type ParsedSesEvent, parseSesEvent, type SesEvent } from './ses-event.ts';

export interface JobDeps extends RecordStatusDeps {
  readonly suppressions: SuppressionReports;
  readonly deadLetters: DeadLetters;
  readonly fromDomain: string;
}

/** Records that are done, or have to come again, together. */
export interface Job {
  readonly records: readonly SQSRecord[];
  readonly events: readonly SesEvent[];
  /** @throws where a service that is needed does not answer; all of it can be done again */
  readonly work: () => Promise<void>;
}

/** One job for each part of a delivery, and one for each record that has to be parked; the others need none. */
export function toJobs(records: readonly SQSRecord[], deps: JobDeps): Job[] {
  const parking: Job[] = [];
  const groups = new Map<string, { records: SQSRecord[]; events: [SesEvent, ...SesEvent[]] }>();
  for (const record of records) {
    const parsed = parseSesEvent(record.body, deps.fromDomain);
    if (parsed.kind === 'ignored') {
      deps.log.info('event-ignored', { queueMessageId: record.messageId, why: parsed.why });
    } else if (parsed.kind === 'unreadable') {
      parking.push({ records: [record], events: [], work: () => park(record, parsed, deps) });
    } else {
      const { event } = parsed;
      logLeftOut(record, event, deps.log);
      const key = JSON.stringify([event.deliveryId, event.part]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { records: [record], events: [event] });
      else {
        group.records.push(record);
        group.events.push(event);
      }
    }
  }
  return [...parking, ...[...groups.values()].map((group) => applying(group, deps))];
}

/** What an event says that nothing is made of. */
function logLeftOut(
  { messageId: queueMessageId }: SQSRecord,
  { deliveryId, part, strangers, automaticReplies }: SesEvent,
  log: Log,
): void {
  const fields = { queueMessageId, deliveryId, part };
  if (strangers > 0) log.warn('mentions-dropped', { ...fields, mentions: strangers });
  if (automaticReplies > 0) log.info('automatic-reply', { ...fields, recipients: automaticReplies });
}

function applying({ records, events }: { records: SQSRecord[]; events: BatchEvents }, deps: JobDeps): Job {
  return { records, events, work: () => apply(events, deps) };
}

/** Neither waits for the other to succeed: what one table can take must not depend on the other. */
async function apply(events: BatchEvents, deps: JobDeps): Promise<void> {
  const results = await Promise.allSettled([
    recordStatuses(events, deps),
    reportStrikes(events, deps.suppressions),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function park(
  record: SQSRecord,
  { reason, detail }: Extract<ParsedSesEvent, { kind: 'unreadable' }>,
  { deadLetters, log, metrics }: JobDeps,
): Promise<void> {
  await deadLetters.park(record.body, { reason, detail });
  metrics.add('EventsUnreadable', 1);
  log.error('dead-lettered', { queueMessageId: record.messageId, reason, detail });
}

/**
 * Reports bounces and complaints to the suppression list, those that are no news to the ledger too: who wrote them
 * there may have died before it came this far. The addresses of SES's mailbox simulator are reported like any other,
 * so that a demonstration shows what a real bounce does.
 *
 * @throws where the list did not confirm one; all of it can be done again
 */
async function reportStrikes(events: readonly SesEvent[], suppressions: SuppressionReports): Promise<void> {
  for (const { address, strike } of strikesOf(events)) await suppressions.report(address, strike);
}

interface ReportedStrike {
  readonly address: string;
  readonly strike: SuppressionSignal;
}

/** The same event may be there twice; it is reported once. */
function strikesOf(events: readonly SesEvent[]): Iterable<ReportedStrike> {
  const strikes = new Map<string, ReportedStrike>();
  for (const { deliveryId, sesMessageId, statuses } of events) {
    for (const { address, status } of statuses) {
      const kind = strikeKind(status);
      if (kind === undefined) continue;
      const key = JSON.stringify([addressKey(address), kind, sesMessageId, status.at]);
      strikes.set(key, { address, strike: { kind, at: new Date(status.at), deliveryId, sesMessageId } });
    }
  }
  return strikes.values();
}

/**
 * A bounce of which SES could not determine the type counts as a soft one: one of them suppresses nobody, and who
 * sends on and on to a mailbox from which all comes back loses the good name of the domain.
 */
function strikeKind({
  kind,
  bounce,
  smtpResponse,
  enhancedStatus,
}: DeliveryStatus): SuppressionSignal['kind'] | undefined {
  if (kind === 'complained') return 'complaint';
  if (kind !== 'bounced') return undefined;
  if (ABOUT_THE_MAIL.has(bounce?.subType ?? '')) return undefined;
  if (TLS_STATUS.has(enhancedStatus ?? '') || ABOUT_TLS.test(smtpResponse ?? '')) return undefined;
  return bounce?.type === 'Permanent' ? 'hard-bounce' : 'soft-bounce';
}

/**
 * The recipient's server offers no TLS, and the configuration set requires it: that is our policy, and no fault of the
 * mailbox. SES documents no sub-type for it, so that its words tell.
 */
const ABOUT_TLS = /\b(?:start)?tls\b/i;

/** RFC 7505 and the IANA registry of enhanced status codes: encryption needed, and not available. */
const TLS_STATUS: ReadonlySet<string> = new Set(['5.7.10', '5.7.11', '4.7.4', '5.7.4']);

/**
 * Sub-types of bounces that say nothing against the mailbox: it would take another mail.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
const ABOUT_THE_MAIL: ReadonlySet<string> = new Set([
  'ContentRejected',
  'AttachmentRejected',
  'MessageTooLarge',
]);

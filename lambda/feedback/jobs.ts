import type { SQSRecord } from 'aws-lambda';
import { addressKey } from '../../lib/domain/address.ts';
import type { DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import type { SuppressionSignal } from '../../lib/domain/suppression.ts';
import type { SuppressionReports } from '../../lib/ports/ledger.ts';
import type { DeadLetters } from '../../lib/ports/queues.ts';
import type { Log } from '../../lib/ports/runtime.ts';
import type { DeliveredAddressRecords } from '../../lib/ports/sending.ts';
import { type BatchEvents, type RecordStatusDeps, recordStatuses } from './record-status.ts';
import { type ParsedSesEvent, parseSesEvent, type SesEvent } from './ses-event.ts';

export interface JobDeps extends RecordStatusDeps {
  readonly suppressions: SuppressionReports;
  /** Undefined if the reputation fuse is off, which alone reads them. */
  readonly delivered: DeliveredAddressRecords | undefined;
  readonly deadLetters: DeadLetters;
  readonly fromDomain: string;
}

/** Records that succeed or are retried together. */
export interface Job {
  readonly records: readonly SQSRecord[];
  readonly events: readonly SesEvent[];
  /** Idempotent. @throws if a required service does not respond */
  readonly work: () => Promise<void>;
}

/** One job for each send batch, and one for each record to dead-letter; ignored records need none. */
export function toJobs(records: readonly SQSRecord[], deps: JobDeps): Job[] {
  const deadLetterJobs: Job[] = [];
  const groups = new Map<string, { records: SQSRecord[]; events: [SesEvent, ...SesEvent[]] }>();
  for (const record of records) {
    const parsed = parseSesEvent(record.body, deps.fromDomain);
    if (parsed.kind === 'ignored') {
      deps.log.info('event-ignored', { queueMessageId: record.messageId, why: parsed.why });
    } else if (parsed.kind === 'unreadable') {
      deadLetterJobs.push({ records: [record], events: [], work: () => deadLetter(record, parsed, deps) });
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
  return [...deadLetterJobs, ...[...groups.values()].map((group) => toApplyJob(group, deps))];
}

/** Logs what an event contains that is not applied. */
function logLeftOut(
  { messageId: queueMessageId }: SQSRecord,
  { deliveryId, part, strangers, automaticReplies }: SesEvent,
  log: Log,
): void {
  const fields = { queueMessageId, deliveryId, part };
  if (strangers > 0) log.warn('mentions-dropped', { ...fields, mentions: strangers });
  if (automaticReplies > 0) log.info('automatic-reply', { ...fields, recipients: automaticReplies });
}

function toApplyJob({ records, events }: { records: SQSRecord[]; events: BatchEvents }, deps: JobDeps): Job {
  return { records, events, work: () => apply(events, deps) };
}

/** In parallel: a write to one table must not depend on the other table. */
async function apply(events: BatchEvents, deps: JobDeps): Promise<void> {
  const results = await Promise.allSettled([
    recordStatuses(events, deps),
    reportSignals(events, deps.suppressions),
    deps.delivered?.record(deliveredAddresses(events), deps.clock.now()),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function deadLetter(
  record: SQSRecord,
  { reason, detail }: Extract<ParsedSesEvent, { kind: 'unreadable' }>,
  { deadLetters, log, metrics }: JobDeps,
): Promise<void> {
  await deadLetters.park(record.body, { cause: reason, detail });
  metrics.add('EventsUnreadable', 1);
  log.error('dead-lettered', { queueMessageId: record.messageId, cause: reason, detail });
}

function deliveredAddresses(events: readonly SesEvent[]): string[] {
  const statuses = events.flatMap((event) => event.statuses);
  return statuses.filter(({ status }) => status.kind === 'delivered').map(({ address }) => address);
}

/**
 * Reports bounces and complaints to the suppression list, including those already in the ledger: the
 * invocation that wrote them may have crashed before this step. Addresses of SES's mailbox simulator are
 * reported like any other, so that a demo shows the effect of a real bounce. Idempotent.
 *
 * @throws if the list did not confirm one
 */
async function reportSignals(events: readonly SesEvent[], suppressions: SuppressionReports): Promise<void> {
  for (const { address, signal } of signalsIn(events)) await suppressions.report(address, signal);
}

interface ReportedSignal {
  readonly address: string;
  readonly signal: SuppressionSignal;
}

/** An event that was delivered twice is reported once. */
function signalsIn(events: readonly SesEvent[]): Iterable<ReportedSignal> {
  const signals = new Map<string, ReportedSignal>();
  for (const { deliveryId, sesMessageId, statuses } of events) {
    for (const { address, status } of statuses) {
      const kind = signalKind(status);
      if (kind === undefined) continue;
      const key = JSON.stringify([addressKey(address), kind, sesMessageId, status.at]);
      signals.set(key, { address, signal: { kind, at: new Date(status.at), deliveryId, sesMessageId } });
    }
  }
  return signals.values();
}

/**
 * A bounce of undetermined type counts as a soft bounce: a single one suppresses no address, but sending on
 * to a mailbox that bounces every mail damages the domain's reputation.
 */
function signalKind({
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

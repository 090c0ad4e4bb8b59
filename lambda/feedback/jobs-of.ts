import type { SQSRecord } from 'aws-lambda';
import type { DeadLetters } from '../../lib/ports/dead-letters.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { SuppressionReports } from '../../lib/ports/suppression-list.ts';
import { type FateParts, type PartEvents, recordFates } from './record-fates.ts';
import { reportStrikes } from './report-strikes.ts';
import { type ParsedSesEvent, parseSesEvent, type SesEvent } from './ses-event.ts';

export interface JobParts extends FateParts {
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
export function jobsOf(records: readonly SQSRecord[], parts: JobParts): Job[] {
  const parking: Job[] = [];
  const groups = new Map<string, { records: SQSRecord[]; events: [SesEvent, ...SesEvent[]] }>();
  for (const record of records) {
    const parsed = parseSesEvent(record.body, parts.fromDomain);
    if (parsed.kind === 'ignored') {
      parts.log.info('event-ignored', { queueMessageId: record.messageId, why: parsed.why });
    } else if (parsed.kind === 'unreadable') {
      parking.push({ records: [record], events: [], work: () => park(record, parsed, parts) });
    } else {
      const { event } = parsed;
      logLeftOut(record, event, parts.log);
      const key = JSON.stringify([event.deliveryId, event.part]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { records: [record], events: [event] });
      else {
        group.records.push(record);
        group.events.push(event);
      }
    }
  }
  return [...parking, ...[...groups.values()].map((group) => applying(group, parts))];
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

function applying({ records, events }: { records: SQSRecord[]; events: PartEvents }, parts: JobParts): Job {
  return { records, events, work: () => apply(events, parts) };
}

/** Neither waits for the other to succeed: what one table can take must not depend on the other. */
async function apply(events: PartEvents, parts: JobParts): Promise<void> {
  const results = await Promise.allSettled([
    recordFates(events, parts),
    reportStrikes(events, parts.suppressions),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function park(
  record: SQSRecord,
  { reason, detail }: Extract<ParsedSesEvent, { kind: 'unreadable' }>,
  { deadLetters, log, metrics }: JobParts,
): Promise<void> {
  await deadLetters.park(record.body, { reason, detail });
  metrics.add('EventsUnreadable', 1);
  log.error('dead-lettered', { queueMessageId: record.messageId, reason, detail });
}

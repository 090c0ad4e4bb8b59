import { maskAddress, maskAddressesIn } from '../../../domain/address.ts';
import { printable } from '../dead-letters.ts';
import { type DeliveryFacts, type Reading, readingWithin } from '../delivery-facts.ts';
import type { DeliveryTimeline } from './build-timeline.ts';
import type { EventTone } from './status-events.ts';

/** The output of `--json`. */
export interface ShownTimeline {
  readonly id: string;
  readonly tenantId: string | undefined;
  /** Of the row. */
  readonly status: string | undefined;
  readonly messageIds: MessageIds;
  readonly recipients: readonly {
    readonly address: string;
    readonly state: string;
    readonly lost: boolean;
  }[];
  readonly concerns: readonly string[];
  readonly events: readonly {
    readonly at: string;
    readonly source: string;
    readonly what: string;
    /** What a server said. */
    readonly words: string | undefined;
    readonly tone: EventTone;
    readonly recipients: readonly string[];
  }[];
  readonly places: Readonly<Record<string, ShownPlace>>;
}

/** The Message-IDs that a mail has on its way: a reply names the one that its author saw. */
interface MessageIds {
  /** As it was composed: what SMTP delivers. */
  readonly own: string | undefined;
  /** Those that SES wrote in its place, one for each send batch. */
  readonly ses: readonly string[];
}

export interface ShownPlace {
  readonly state: 'asked' | 'skipped' | 'failed';
  readonly detail: string;
  readonly fix?: string;
}

/** @param whole whether to show addresses unmasked; masking includes those in server responses */
export function shownTimeline(
  facts: DeliveryFacts,
  timeline: DeliveryTimeline,
  whole: boolean,
): ShownTimeline {
  const address = whole ? (one: string) => one : maskAddress;
  // Server responses are untrusted: strip characters that move a terminal's cursor.
  const text = (line: string) => printable(whole ? line : maskAddressesIn(line));
  const row = readingWithin(facts.row);
  const tenantId =
    row?.tenantId ?? readingWithin(facts.parts)?.find((part) => part.tenantId !== undefined)?.tenantId;
  return {
    id: facts.id,
    tenantId: tenantId === undefined ? undefined : text(tenantId),
    status: row?.status === undefined ? undefined : text(row.status),
    messageIds: messageIdsIn(facts),
    recipients: timeline.recipients.map((one) => ({
      address: address(one.address),
      state: text(one.state),
      lost: one.lost,
    })),
    concerns: timeline.concerns.map(text),
    events: timeline.events.map(({ at, source, what, words, tone, recipients }) => ({
      at: at.toISOString(),
      source,
      what: text(what),
      words: words === undefined ? undefined : text(words),
      tone,
      recipients: recipients.map(address),
    })),
    places: shownPlaces(facts),
  };
}

/** The ledger has only the ids of SES itself, without the domain that makes a Message-ID of them. */
function messageIdsIn({ row, parts }: DeliveryFacts): MessageIds {
  const found = readingWithin(row);
  const own = found?.attempts.findLast(({ messageId }) => messageId !== undefined)?.messageId;
  const reported = found?.messageIds ?? [];
  const inLedger = (readingWithin(parts) ?? []).flatMap(({ sesMessageId }) => sesMessageId ?? []);
  const unreported = inLedger.filter((id) => !reported.some((messageId) => messageId.includes(id)));
  return {
    own: own === undefined ? undefined : printable(own),
    ses: [...reported, ...unreported].map(printable),
  };
}

function shownPlaces({ row, queue, deadLetters, parts, suppressed }: DeliveryFacts): ShownTimeline['places'] {
  return {
    row: shownPlace(row, (value) =>
      value === undefined ? 'there is no such row' : `status ${printable(value.status ?? '-')}`,
    ),
    queue: shownPlace(
      queue,
      ({ waiting, inFlight }) =>
        `${waiting} wait and ${inFlight} are in hand; they are not looked into, since each look counts as a try`,
    ),
    'dead letters': shownPlace(
      deadLetters,
      (found) => `${found.deadLetters.length} of it among the ${found.looked} looked at`,
    ),
    ledger: shownPlace(parts, (value) => (value.length === 0 ? 'nothing' : `${value.length} parts`)),
    suppression: shownPlace(suppressed, ({ addresses, unavailable }) => {
      const listed = addresses.filter(({ pipeline, ses }) => pipeline !== undefined || ses !== undefined);
      const silent = unavailable.map(
        ({ list, failure }) => `; ${list} could not be asked: ${failure.message}`,
      );
      return `${listed.length} of ${addresses.length} recipients${silent.join('')}`;
    }),
  };
}

function shownPlace<Value>(reading: Reading<Value>, detail: (value: Value) => string): ShownPlace {
  switch (reading.kind) {
    case 'told':
      return { state: 'asked', detail: detail(reading.value) };
    case 'skipped':
      return { state: 'skipped', detail: reading.reason };
    case 'failed':
      return { state: 'failed', detail: reading.failure.message, fix: reading.failure.fix };
  }
}

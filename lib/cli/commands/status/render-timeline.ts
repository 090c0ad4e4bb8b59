import { maskAddress, maskAddressesIn } from '../../../domain/address.ts';
import { printable } from '../../lookups/dead-letters.ts';
import { type DeliveryFacts, type Reading, readingWithin } from '../../lookups/delivery-facts.ts';
import { type Terminal, timeAndAge } from '../../terminal.ts';
import type { DeliveryTimeline } from './timeline.ts';

/** Maximum recipients shown per line. */
const MAX_NAMED = 3;

/** The output of `--json`. */
export interface ShownTimeline {
  readonly id: string;
  readonly tenantId: string | undefined;
  /** Of the row. */
  readonly status: string | undefined;
  readonly recipients: readonly { readonly address: string; readonly state: string }[];
  readonly concerns: readonly string[];
  readonly events: readonly {
    readonly at: string;
    readonly source: string;
    readonly what: string;
    readonly recipients: readonly string[];
  }[];
  readonly places: Readonly<Record<string, ShownPlace>>;
}

interface ShownPlace {
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
    recipients: timeline.recipients.map((one) => ({ address: address(one.address), state: text(one.state) })),
    concerns: timeline.concerns.map(text),
    events: timeline.events.map(({ at, source, what, recipients }) => ({
      at: at.toISOString(),
      source,
      what: text(what),
      recipients: recipients.map(address),
    })),
    places: shownPlaces(facts),
  };
}

export function renderTimeline(terminal: Terminal, timeline: ShownTimeline, now: Date): string {
  const { id, tenantId, status, recipients, concerns, events, places } = timeline;
  const heading = [
    terminal.paint('bold', id),
    ...(tenantId === undefined ? [] : [`tenant ${tenantId}`]),
    ...(status === undefined ? [] : [`the row says ${status}`]),
  ];
  const rows = events.map(({ at, source, what, recipients: whom }) => [
    timeAndAge(new Date(at), now),
    source,
    what,
    named(whom),
  ]);
  return [
    heading.join(', '),
    ...recipients.slice(0, MAX_NAMED).map(({ address, state }) => `  ${address}: ${state}`),
    ...(recipients.length > MAX_NAMED
      ? [`  and ${recipients.length - MAX_NAMED} more (--json has all)`]
      : []),
    '',
    terminal.table(['when', 'known by', 'what', 'for'], rows),
    '',
    ...concerns.map((concern) => terminal.paint('yellow', `! ${concern}`)),
    ...Object.entries(places).map(([name, place]) => renderPlace(terminal, name, place)),
  ].join('\n');
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

function renderPlace(terminal: Terminal, name: string, { state, detail, fix }: ShownPlace): string {
  const line = `${name}: ${state === 'asked' ? '' : `${state}: `}${detail}`;
  if (state !== 'failed') return terminal.paint('dim', line);
  return `${terminal.paint('red', line)}\n  fix: ${fix}`;
}

function named(recipients: readonly string[]): string {
  const more = recipients.length - MAX_NAMED;
  return [...recipients.slice(0, MAX_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

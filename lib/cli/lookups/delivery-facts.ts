import type { DeliveryRow } from '../../adapters/postgres/delivery-rows.ts';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { addressKey } from '../../domain/address.ts';
import type { BatchStatuses } from '../../ports/ledger.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { Listing } from './suppression-lists.ts';

/** The result of querying one source; a source that fails does not hide the others. */
export type Reading<Value> =
  | { readonly kind: 'told'; readonly value: Value }
  /** The query was not needed, or not possible. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: DescribedFailure };

/** The dead letters of a delivery. */
export interface FoundDeadLetters {
  readonly deadLetters: readonly DeadLetter[];
  readonly looked: number;
  /** False if there were more than were scanned. */
  readonly complete: boolean;
}

/** All that is known of a delivery, by source. */
export interface DeliveryFacts {
  readonly id: string;
  /** Undefined if the table has no such row. */
  readonly row: Reading<DeliveryRow | undefined>;
  readonly queue: Reading<QueueCounts>;
  readonly deadLetters: Reading<FoundDeadLetters>;
  readonly parts: Reading<readonly BatchStatuses[]>;
  /** Of the recipients found in the other sources. */
  readonly suppressed: Reading<Listing>;
}

/** The sources to query. Each throws if it is not available. */
export interface DeliverySources {
  readonly row: ((id: string) => Promise<DeliveryRow | undefined>) | { readonly skipped: string };
  queue(): Promise<QueueCounts>;
  deadLetters(id: string): Promise<FoundDeadLetters>;
  parts(id: string): Promise<readonly BatchStatuses[]>;
  suppressed(addresses: readonly string[]): Promise<Listing>;
}

/** SES is queried one address at a time; the first few are enough for a mail to thousands. */
const MAX_LOOKED_UP = 50;

/** Queries all sources concurrently. */
export async function deliveryFacts(
  id: string,
  sources: DeliverySources,
  signal: AbortSignal,
): Promise<DeliveryFacts> {
  const { row: rowSource } = sources;
  const [row, queue, deadLetters, parts] = await Promise.all([
    typeof rowSource === 'function' ? read(() => rowSource(id)) : skipped(rowSource.skipped),
    read(() => sources.queue()),
    read(() => sources.deadLetters(id)),
    read(() => sources.parts(id)),
  ]);
  signal.throwIfAborted();
  const known = { id, row, queue, deadLetters, parts };
  const recipients = recipientsOf(known);
  const suppressed =
    recipients.length === 0
      ? skipped('no recipient is known')
      : await read(() => sources.suppressed(recipients.slice(0, MAX_LOOKED_UP)));
  signal.throwIfAborted();
  return { ...known, suppressed };
}

/** All recipients that any source names, by `addressKey`. */
export function recipientsOf({
  row,
  deadLetters,
  parts,
}: Omit<DeliveryFacts, 'suppressed'>): readonly string[] {
  const found = readingWithin(row);
  const attempted = found?.attempts.flatMap(({ smtp, queue }) => [smtp, queue]) ?? [];
  const named = [
    ...attempted.flatMap((one) => one?.recipients ?? []),
    ...(readingWithin(deadLetters)?.deadLetters ?? []).flatMap(({ parsed }) =>
      parsed.kind === 'message' ? parsed.message.envelope.to : [],
    ),
    ...(readingWithin(parts) ?? []).flatMap((part) => [...part.recipients, ...Object.keys(part.statuses)]),
    ...Object.keys(found?.statuses ?? {}),
  ];
  // Before the first attempt only the row knows, and it has one address, which may be empty.
  const all = named.length > 0 ? named : [found?.targetAddress ?? ''];
  return [...new Set(all.map(addressKey))].filter((key) => key !== '');
}

/** Undefined if the source was skipped or failed. */
export function readingWithin<Value>(reading: Reading<Value>): Value | undefined {
  return reading.kind === 'told' ? reading.value : undefined;
}

async function read<Value>(query: () => Promise<Value>): Promise<Reading<Value>> {
  try {
    return { kind: 'told', value: await query() };
  } catch (error) {
    return { kind: 'failed', failure: describeFailure(error) };
  }
}

function skipped(reason: string): { readonly kind: 'skipped'; readonly reason: string } {
  return { kind: 'skipped', reason };
}

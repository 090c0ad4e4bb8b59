import type { DeliveryRow } from '../../adapters/postgres/delivery-rows.ts';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { addressKey } from '../../domain/address.ts';
import type { BatchStatuses } from '../../ports/ledger.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { Listing } from './suppression-lists.ts';

/** What a place that knows of deliveries said; one that cannot be asked does not hide the others. */
export type Reading<Value> =
  | { readonly kind: 'told'; readonly value: Value }
  /** There was no need, or no way, to ask. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: DescribedFailure };

/** The dead letters of a delivery. */
export interface FoundDeadLetters {
  readonly deadLetters: readonly DeadLetter[];
  readonly looked: number;
  /** False where there were more than were looked at. */
  readonly complete: boolean;
}

/** All that is known of a delivery, place by place. */
export interface DeliveryFacts {
  readonly id: string;
  /** Undefined where the table has no such row. */
  readonly row: Reading<DeliveryRow | undefined>;
  readonly queue: Reading<QueueCounts>;
  readonly deadLetters: Reading<FoundDeadLetters>;
  readonly parts: Reading<readonly BatchStatuses[]>;
  /** Of the recipients that the others told of. */
  readonly suppressed: Reading<Listing>;
}

/** The places to ask. Each throws where it cannot be asked now. */
export interface DeliverySources {
  readonly row: ((id: string) => Promise<DeliveryRow | undefined>) | { readonly skipped: string };
  queue(): Promise<QueueCounts>;
  deadLetters(id: string): Promise<FoundDeadLetters>;
  parts(id: string): Promise<readonly BatchStatuses[]>;
  suppressed(addresses: readonly string[]): Promise<Listing>;
}

/** SES is asked for one address after another; the first few tell enough of a mail to thousands. */
const MAX_LOOKED_UP = 50;

/** Asks all places side by side. */
export async function deliveryFacts(
  id: string,
  sources: DeliverySources,
  signal: AbortSignal,
): Promise<DeliveryFacts> {
  const { row: rowSource } = sources;
  const [row, queue, deadLetters, parts] = await Promise.all([
    typeof rowSource === 'function' ? ask(() => rowSource(id)) : skipped(rowSource.skipped),
    ask(() => sources.queue()),
    ask(() => sources.deadLetters(id)),
    ask(() => sources.parts(id)),
  ]);
  signal.throwIfAborted();
  const known = { id, row, queue, deadLetters, parts };
  const recipients = recipientsOf(known);
  const suppressed =
    recipients.length === 0
      ? skipped('no recipient is known')
      : await ask(() => sources.suppressed(recipients.slice(0, MAX_LOOKED_UP)));
  signal.throwIfAborted();
  return { ...known, suppressed };
}

/** Everyone that any place names as a recipient, by `addressKey`. */
export function recipientsOf({
  row,
  deadLetters,
  parts,
}: Omit<DeliveryFacts, 'suppressed'>): readonly string[] {
  const told = readingWithin(row);
  const attempted = told?.attempts.flatMap(({ smtp, queue }) => [smtp, queue]) ?? [];
  const named = [
    ...attempted.flatMap((one) => one?.recipients ?? []),
    ...(readingWithin(deadLetters)?.deadLetters ?? []).flatMap(({ parsed }) =>
      parsed.kind === 'message' ? parsed.message.envelope.to : [],
    ),
    ...(readingWithin(parts) ?? []).flatMap((part) => [...part.recipients, ...Object.keys(part.statuses)]),
    ...Object.keys(told?.statuses ?? {}),
  ];
  // Before the first attempt the row alone knows, and it names one address; an empty one is no address.
  const all = named.length > 0 ? named : [told?.targetAddress ?? ''];
  return [...new Set(all.map(addressKey))].filter((key) => key !== '');
}

/** Undefined where the place was not asked or did not answer. */
export function readingWithin<Value>(told: Reading<Value>): Value | undefined {
  return told.kind === 'told' ? told.value : undefined;
}

async function ask<Value>(question: () => Promise<Value>): Promise<Reading<Value>> {
  try {
    return { kind: 'told', value: await question() };
  } catch (error) {
    return { kind: 'failed', failure: describeFailure(error) };
  }
}

function skipped(reason: string): { readonly kind: 'skipped'; readonly reason: string } {
  return { kind: 'skipped', reason };
}

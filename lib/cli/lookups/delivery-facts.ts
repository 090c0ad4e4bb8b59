import type { DeliveryRow } from '../../adapters/postgres/delivery-rows.ts';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { addressKey } from '../../domain/address.ts';
import type { PartFates } from '../../ports/ledger.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import type { Letter } from './dead-letters.ts';
import type { Listing } from './suppression-lists.ts';

/** What a place that knows of deliveries said; one that cannot be asked does not hide the others. */
export type Told<Value> =
  | { readonly kind: 'told'; readonly value: Value }
  /** There was no need, or no way, to ask. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: DescribedFailure };

/** The dead letters of a delivery. */
export interface FoundLetters {
  readonly letters: readonly Letter[];
  readonly looked: number;
  /** False where there were more than were looked at. */
  readonly complete: boolean;
}

/** All that is known of a delivery, place by place. */
export interface DeliveryFacts {
  readonly id: string;
  /** Undefined where the table has no such row. */
  readonly row: Told<DeliveryRow | undefined>;
  readonly queue: Told<QueueCounts>;
  readonly letters: Told<FoundLetters>;
  readonly parts: Told<readonly PartFates[]>;
  /** Of the recipients that the others told of. */
  readonly suppressed: Told<Listing>;
}

/** The places to ask. Each throws where it cannot be asked now. */
export interface DeliverySources {
  readonly row: ((id: string) => Promise<DeliveryRow | undefined>) | { readonly skipped: string };
  queue(): Promise<QueueCounts>;
  letters(id: string): Promise<FoundLetters>;
  parts(id: string): Promise<readonly PartFates[]>;
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
  const [row, queue, letters, parts] = await Promise.all([
    typeof rowSource === 'function' ? ask(() => rowSource(id)) : skipped(rowSource.skipped),
    ask(() => sources.queue()),
    ask(() => sources.letters(id)),
    ask(() => sources.parts(id)),
  ]);
  signal.throwIfAborted();
  const known = { id, row, queue, letters, parts };
  const recipients = recipientsOf(known);
  const suppressed =
    recipients.length === 0
      ? skipped('no recipient is known')
      : await ask(() => sources.suppressed(recipients.slice(0, MAX_LOOKED_UP)));
  signal.throwIfAborted();
  return { ...known, suppressed };
}

/** Everyone that any place names as a recipient, by `addressKey`. */
export function recipientsOf({ row, letters, parts }: Omit<DeliveryFacts, 'suppressed'>): readonly string[] {
  const told = answerIn(row);
  const attempted = told?.attempts.flatMap(({ smtp, queue }) => [smtp, queue]) ?? [];
  const named = [
    ...attempted.flatMap((one) => one?.recipients ?? []),
    ...(answerIn(letters)?.letters ?? []).flatMap(({ parsed }) =>
      parsed.kind === 'envelope' ? parsed.envelope.envelope.to : [],
    ),
    ...(answerIn(parts) ?? []).flatMap((part) => [...part.recipients, ...Object.keys(part.fates)]),
    ...Object.keys(told?.fates ?? {}),
  ];
  // Before the first attempt the row alone knows, and it names one address; an empty one is no address.
  const all = named.length > 0 ? named : [told?.targetAddress ?? ''];
  return [...new Set(all.map(addressKey))].filter((key) => key !== '');
}

/** Undefined where the place was not asked or did not answer. */
export function answerIn<Value>(told: Told<Value>): Value | undefined {
  return told.kind === 'told' ? told.value : undefined;
}

async function ask<Value>(question: () => Promise<Value>): Promise<Told<Value>> {
  try {
    return { kind: 'told', value: await question() };
  } catch (error) {
    return { kind: 'failed', failure: describeFailure(error) };
  }
}

function skipped(reason: string): { readonly kind: 'skipped'; readonly reason: string } {
  return { kind: 'skipped', reason };
}

import type { DeliveryFacts, Told } from './delivery-facts.ts';

/** Where a delivery could be that no other place knows of, and nobody has looked: a line for each such place. */
export function unaskedPlaces({ row, queue, letters, parts }: DeliveryFacts): string[] {
  const looked = letters.kind === 'told' && !letters.value.complete ? letters.value.looked : undefined;
  const queued = queue.kind === 'told' ? queue.value.waiting + queue.value.outOfSight : 0;
  return [
    ...unasked('the row', row),
    ...unasked('the fallback queue', queue),
    ...unasked('the dead letters', letters),
    ...unasked('the ledger', parts),
    ...(looked === undefined ? [] : [`the dead letters past the ${looked} that were looked at`]),
    ...(queued === 0 ? [] : [`the ${queued} mails of the fallback queue, which are not looked into`]),
  ];
}

function unasked(name: string, told: Told<unknown>): string[] {
  switch (told.kind) {
    case 'told':
      return [];
    case 'skipped':
      return [`${name} (${told.reason})`];
    case 'failed':
      return [`${name} (${told.failure.message})`];
  }
}

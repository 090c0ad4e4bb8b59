import { MAX_QUEUE_MESSAGE_BYTES } from '../../message/limits.ts';

/** SendMessageBatch takes ten entries, and for all of them together as many bytes as one message may have. */
const MAX_BATCH_ENTRIES = 10;

/** As few batches for SendMessageBatch as the order allows. */
export function intoBatches<T extends { readonly bytes: number }>(waiting: readonly T[]): T[][] {
  const batches: T[][] = [];
  let bytes = 0;
  for (const one of waiting) {
    const batch = batches.at(-1);
    const fits =
      batch !== undefined && batch.length < MAX_BATCH_ENTRIES && bytes + one.bytes <= MAX_QUEUE_MESSAGE_BYTES;
    if (fits) batch.push(one);
    else batches.push([one]);
    bytes = fits ? bytes + one.bytes : one.bytes;
  }
  return batches;
}

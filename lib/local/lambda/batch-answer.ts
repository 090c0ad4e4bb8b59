/** What the handler's answer says about its batch. */
export type BatchVerdict =
  | { readonly kind: 'done'; readonly failedIds: ReadonlySet<string> }
  /** The answer means nothing to Lambda, which then takes the whole batch for failed. */
  | { readonly kind: 'malformed' };

const MALFORMED: BatchVerdict = { kind: 'malformed' };

/**
 * Reads the answer as Lambda does with ReportBatchItemFailures: nothing, `{}` and a list that is null or empty mean
 * that all went well; a list with an entry that has no id, an empty one or one that is not of the batch, and what is
 * no such answer at all, mean that all failed.
 */
export function readBatchAnswer(answer: string, idsOfBatch: readonly string[]): BatchVerdict {
  const value: unknown = JSON.parse(answer);
  if (value === null) return { kind: 'done', failedIds: new Set() };
  if (typeof value !== 'object' || Array.isArray(value)) return MALFORMED;
  const failures = 'batchItemFailures' in value ? value.batchItemFailures : null;
  if (failures === null) return { kind: 'done', failedIds: new Set() };
  if (!Array.isArray(failures)) return MALFORMED;
  const ids = failures.map(itemIdentifier);
  if (!ids.every((id) => typeof id === 'string' && idsOfBatch.includes(id))) return MALFORMED;
  return { kind: 'done', failedIds: new Set(ids.map(String)) };
}

function itemIdentifier(failure: unknown): unknown {
  return typeof failure === 'object' && failure !== null && 'itemIdentifier' in failure
    ? failure.itemIdentifier
    : undefined;
}

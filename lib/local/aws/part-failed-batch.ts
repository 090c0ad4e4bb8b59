import type { AwsFault } from './aws-fault.ts';

type PartFailed = Extract<AwsFault, { kind: 'part-failed' }>;
type Entry = { readonly Id: string };
type BatchRequest = { readonly Entries: readonly Entry[] };
type BatchAnswer = { readonly Successful?: readonly unknown[]; readonly Failed?: readonly unknown[] };

/** A batch of SQS without the entries that shall fail, and how their failures join the answer to the rest. */
export type PartFailedBatch = {
  /** What is left to be done; undefined when nothing is. */
  readonly rest: Buffer | undefined;
  readonly answer: (answerToRest: Buffer | undefined) => Buffer;
};

/** Undefined when the body is no batch. */
export function partFailedBatch(body: Buffer, fault: PartFailed): PartFailedBatch | undefined {
  const request: unknown = JSON.parse(body.toString());
  if (!isBatch(request)) return undefined;
  const strikes = (index: number) => fault.indices.includes(index);
  const left = request.Entries.filter((_, index) => !strikes(index));
  const failed = request.Entries.filter((_, index) => strikes(index)).map(({ Id }) => ({
    Id,
    Code: fault.code ?? 'InternalError',
    Message: 'The entry failed.',
    SenderFault: fault.senderFault ?? false,
  }));
  return {
    rest: left.length > 0 ? Buffer.from(JSON.stringify({ ...request, Entries: left })) : undefined,
    answer: (answerToRest) => {
      const done = answerToRest ? (JSON.parse(answerToRest.toString()) as BatchAnswer) : {};
      return Buffer.from(
        JSON.stringify({ Successful: done.Successful ?? [], Failed: [...(done.Failed ?? []), ...failed] }),
      );
    },
  };
}

function isBatch(value: unknown): value is BatchRequest {
  return typeof value === 'object' && value !== null && 'Entries' in value && Array.isArray(value.Entries);
}

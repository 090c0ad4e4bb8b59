import type { AwsRequest } from './aws-request.ts';

/** What goes wrong with a call. */
export type AwsFault =
  /** The service fails: `InternalError` / `ServiceUnavailable`. The SDK retries it. Nothing was done. */
  | { readonly kind: 'error'; readonly status: 500 | 503 }
  /** `RequestThrottled` of SQS, `SlowDown` of S3, `ThrottlingException` of the others. Nothing was done. */
  | { readonly kind: 'throttle' }
  /** `AccessDenied`: a policy that lacks the call. The SDK does not retry it. */
  | { readonly kind: 'denied' }
  /** The connection is reset: before anything was done, or when all was done and only the answer is lost. */
  | { readonly kind: 'reset'; readonly done: boolean }
  /** No answer comes, ever; the connection stays. The call was done, or not. */
  | { readonly kind: 'silence'; readonly done: boolean }
  /** The call is done after the delay. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /**
   * Of a batch (SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch) the entries at these indices
   * stand under `Failed` and were not done; the others were.
   */
  | {
      readonly kind: 'part-failed';
      readonly indices: readonly number[];
      /** @default 'InternalError' */
      readonly code?: string;
      /** @default false */
      readonly senderFault?: boolean;
    };

/** Which calls a fault strikes; what is left out matches all. */
export type AwsCalls = { readonly service?: string; readonly action?: string };

export type AwsFaultRule = {
  readonly fault: AwsFault;
  readonly on?: AwsCalls;
  /** How many calls it strikes. @default all, until `heal` */
  readonly times?: number;
};

/** The faults that are to come. The first rule that matches a call strikes it. */
export class FaultPlan {
  #rules: { readonly rule: AwsFaultRule; left: number }[] = [];

  add(rule: AwsFaultRule): void {
    const left = rule.times ?? Number.POSITIVE_INFINITY;
    if (left > 0) this.#rules.push({ rule, left });
  }

  heal(): void {
    this.#rules = [];
  }

  /** The fault for this call, counted as having struck. */
  strike(request: AwsRequest): AwsFault | undefined {
    const standing = this.#rules.find(({ rule }) => concerns(rule.on ?? {}, request));
    if (!standing) return undefined;
    standing.left -= 1;
    this.#rules = this.#rules.filter(({ left }) => left > 0);
    return standing.rule.fault;
  }
}

export function concerns(calls: AwsCalls, request: Pick<AwsRequest, 'service' | 'action'>): boolean {
  return (
    (calls.service === undefined || calls.service === request.service) &&
    (calls.action === undefined || calls.action === request.action)
  );
}

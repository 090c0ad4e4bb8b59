import type { MessageTags, SesApi } from './mail.ts';

/** How a call ended. */
export type CallOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly code?: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'silence' };

/** A call that was made, whether anything was sent by it or not. */
export interface CallRecord {
  readonly api: SesApi;
  readonly operation: string;
  readonly at: Date;
  readonly tags?: MessageTags;
  readonly outcome: CallOutcome;
}

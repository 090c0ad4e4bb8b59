/** State of the AWS account that no mail carries. Each method throws if the service does not respond. */

/** SES of the account in one Region. */
export interface SendingAccount {
  state(): Promise<SendingState>;
}

/** A field is undefined if the response did not contain it or it is invalid. */
export interface SendingState {
  readonly quota: SendingQuota | undefined;
  /** Recipients a second that it allows. */
  readonly maxPerSecond: number | undefined;
  readonly isPaused: boolean | undefined;
}

export type SendingQuota =
  | { readonly kind: 'unlimited' }
  /** Recipients in 24 hours: the limit, and how many were used. */
  | { readonly kind: 'limited'; readonly limit: number; readonly used: number };

/** The access keys of one user. */
export interface UserAccessKeys {
  oldestActive(): Promise<OldestKey>;
}

export type OldestKey =
  | { readonly kind: 'found'; readonly createdAt: Date }
  /** No call can be made as this user. */
  | { readonly kind: 'none' }
  /** The response has an active key of unknown age, which may be the oldest. */
  | { readonly kind: 'unreadable' };

/** Item count of a table, at most some hours old. */
export interface ItemCount {
  /** Undefined if the response did not contain it. */
  items(): Promise<number | undefined>;
}

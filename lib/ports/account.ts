/** What the AWS account knows and no mail tells. Each method throws where it cannot be asked now. */

/** SES of the account, in one Region. */
export interface SendingAccount {
  state(): Promise<SendingState>;
}

/** Undefined is what the answer did not tell, or not in a way that makes sense. */
export interface SendingState {
  readonly quota: SendingQuota | undefined;
  readonly isPaused: boolean | undefined;
}

export type SendingQuota =
  | { readonly kind: 'unlimited' }
  /** Recipients in 24 hours: how many are allowed, and how many there were. */
  | { readonly kind: 'limited'; readonly limit: number; readonly used: number };

/** The access keys of one user. */
export interface UserAccessKeys {
  oldestActive(): Promise<OldestKey>;
}

export type OldestKey =
  | { readonly kind: 'found'; readonly createdAt: Date }
  /** Nobody can call in the name of the user. */
  | { readonly kind: 'none' }
  /** The answer holds an active key of no known age, which may be the oldest. */
  | { readonly kind: 'unreadable' };

/** How many items a table holds, as of some hours ago at most. */
export interface ItemCount {
  /** Undefined where the answer did not tell. */
  items(): Promise<number | undefined>;
}

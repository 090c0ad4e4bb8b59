import type { SendStatistics } from '../domain/reputation-fuse.ts';
import type { SendQuota } from '../domain/send-rate.ts';
import type { SendingState } from '../domain/sending-state.ts';

/** Keeps the {@link SendingState}. Each method throws if the store does not respond. */
export interface SendingStateStore {
  /** Strongly consistent; the initial state if there is none. */
  read(): Promise<StoredSendingState>;
  /** @returns the stored state, or undefined if another writer was first since `seen` was read */
  write(state: SendingState, seen: StoredSendingState): Promise<StoredSendingState | undefined>;
}

export interface StoredSendingState {
  readonly state: SendingState;
  /** Counts the writes; 0 before the first. */
  readonly version: number;
}

/** What SES says about the account. Each method throws if it does not respond, or not with numbers. */
export interface AccountLimits {
  quota(): Promise<SendQuota>;
  /** Of the last two weeks, in quarters of an hour. */
  statistics(): Promise<SendStatistics[]>;
}

/** Addresses that SES has delivered to. Each method throws if the store does not respond. */
export interface DeliveredAddresses {
  /** @returns those of them that were delivered to, by `addressKey` */
  find(addresses: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The same addresses, for the handler of Delivery events. */
export interface DeliveredAddressRecords {
  record(addresses: readonly string[], at: Date): Promise<void>;
}

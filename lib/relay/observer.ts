import type { FailureClass } from '../domain/failure.ts';

/** Why a client was not let in. */
export const TURNED_AWAY = ['connections', 'client-connections', 'network', 'password'] as const;

/** What became of a mail that came as a whole and was well-formed. */
export const RELAY_OUTCOMES = [
  'taken',
  'handed-over',
  'split',
  'rejected',
  'not-accepted',
  'refused',
] as const;

type RelayOutcome = (typeof RELAY_OUTCOMES)[number];

/** Counts what a relay does. */
export interface RelayObserver {
  connected(change: 1 | -1): void;
  turnedAway(reason: (typeof TURNED_AWAY)[number]): void;
  /** A reply of 4xx or 5xx to MAIL, RCPT or the mail. */
  replied(code: number): void;
  /** @param handledMs from the final dot to the reply */
  mail(outcome: RelayOutcome, handledMs: number, failureClass: FailureClass | undefined): void;
}

export const silentRelayObserver: RelayObserver = {
  connected: () => {},
  turnedAway: () => {},
  replied: () => {},
  mail: () => {},
};

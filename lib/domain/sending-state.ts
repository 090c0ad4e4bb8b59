import { isHolding, type ReputationFuse } from './reputation-fuse.ts';
import { EMPTY_LINE, type SendLine, type TurnRequest, takeTurns } from './send-rate.ts';
import { passOutage, type SesOutage } from './ses-outage.ts';

/** What all functions that send through SES know together. */
export interface SendingState {
  readonly line: SendLine;
  /** Failures of SES that concern all mail; undefined after a success. */
  readonly outage?: SesOutage | undefined;
  /** Undefined if bounces and complaints are few. */
  readonly fuse?: ReputationFuse | undefined;
}

export const INITIAL_SENDING_STATE: SendingState = { line: EMPTY_LINE };

export type Turns =
  /** The first calls of the request may be made, each at its time. */
  | { readonly kind: 'granted'; readonly state: SendingState; readonly startsMs: readonly number[] }
  /** None may be made; it is worth asking again at `untilMs`, or when the state has changed. */
  | { readonly kind: 'wait'; readonly cause: string; readonly untilMs: number };

/** Asks for turns of calls to SES; a granted one counts once the state is stored. */
export function requestTurns(state: SendingState, request: TurnRequest, nowMs: number): Turns {
  const gate = passOutage(state.outage, nowMs);
  if (gate.kind === 'closed') return { kind: 'wait', cause: gate.cause, untilMs: gate.untilMs };
  const isProbe = gate.kind === 'probe';
  const calls = isProbe ? { ...request, recipients: request.recipients.slice(0, 1) } : request;
  const grant = takeTurns(state.line, calls, nowMs);
  if (grant.kind === 'wait') return grant;
  const outage = isProbe ? gate.outage : state.outage;
  return { kind: 'granted', startsMs: grant.startsMs, state: { ...state, line: grant.line, outage } };
}

/**
 * Why a mail cannot be sent for a while, without asking for a turn; undefined if there may be one soon.
 *
 * @param mail `isHeld` if the fuse held it before
 */
export function whyBlocked(
  state: SendingState,
  { isUrgent, isHeld }: { readonly isUrgent: boolean; readonly isHeld: boolean },
  nowMs: number,
): { readonly cause: string; readonly untilMs: number } | undefined {
  if (isHeld && isHolding(state.fuse, nowMs)) {
    return { cause: state.fuse.cause, untilMs: state.fuse.resetUntilMs ?? Number.POSITIVE_INFINITY };
  }
  const turns = requestTurns(state, { recipients: [1], isUrgent }, nowMs);
  return turns.kind === 'wait' && turns.cause !== 'rate' ? turns : undefined;
}

/** Whether the fuse holds normal mail to addresses never delivered to. */
export function isFuseHolding({ fuse }: SendingState, nowMs: number): boolean {
  return isHolding(fuse, nowMs);
}

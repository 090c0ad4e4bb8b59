import type { Failure } from '../message/failure.ts';
import type { Outcome } from '../message/outcome.ts';
import type { Claim, NextState, Settlement, TraceAttempt } from '../ports/outbox.ts';

export interface AttemptFacts {
  readonly at: Date;
  readonly durationMs: number;
  readonly worker: string;
  /** How long to wait before the next try, where there is one. */
  readonly retryAfterMs: number;
}

/** What a row is to say after an attempt. */
export function settlementOf(claim: Claim, outcome: Outcome, facts: AttemptFacts): Settlement {
  return { id: claim.id, next: nextState(outcome, facts.retryAfterMs), attempt: traceOf(outcome, facts) };
}

/** What a row is to say after an attempt that ended in a way that nobody has thought of: try again. */
export function unexpectedSettlement(claim: Claim, code: string, facts: AttemptFacts): Settlement {
  const { at, durationMs, worker, retryAfterMs } = facts;
  const reason = `unexpected: ${code}`;
  return {
    id: claim.id,
    next: retry(claim.owed ?? [], reason, retryAfterMs),
    attempt: {
      at: at.toISOString(),
      outcome: 'not-accepted',
      durationMs: Math.round(durationMs),
      worker,
      reason,
    },
  };
}

function nextState(outcome: Outcome, retryAfterMs: number): NextState {
  switch (outcome.kind) {
    case 'taken':
      return { kind: 'delivered' };
    case 'handed-over':
    case 'split':
      return { kind: 'handed-over' };
    case 'held':
      return outcome.notAccepted === undefined
        ? { kind: 'held', reason: 'SMTP may have taken it: see delivery_trace' }
        : // The refused are owed for sure; of the others the trace tells that nobody knows.
          retry(
            outcome.notAccepted.recipients,
            'the fallback did not take the refused recipients',
            retryAfterMs,
          );
    case 'not-accepted': {
      const { smtp, fallback, recipients } = outcome;
      return retry(
        recipients,
        `SMTP: ${smtp.class}; fallback: ${fallback.code}: ${fallback.detail}`,
        retryAfterMs,
      );
    }
    case 'refused':
      return { kind: 'failed', reason: `${outcome.reason}: ${outcome.detail}` };
  }
}

function retry(owed: readonly string[], reason: string, retryAfterMs: number): NextState {
  return { kind: 'queued', retryAfterMs, owed, reason };
}

function traceOf(outcome: Outcome, { at, durationMs, worker }: AttemptFacts): TraceAttempt {
  const common = { at: at.toISOString(), outcome: outcome.kind, durationMs: Math.round(durationMs), worker };
  if (outcome.kind === 'refused') return { ...common, reason: `${outcome.reason}: ${outcome.detail}` };
  const { messageId } = outcome;
  switch (outcome.kind) {
    case 'taken':
      return { ...common, messageId, smtp: outcome.taken };
    case 'handed-over':
      return { ...common, messageId, ...queuePart(outcome.handOver) };
    case 'split':
      return { ...common, messageId, smtp: outcome.taken, ...queuePart(outcome.handOver) };
    case 'held':
      return {
        ...common,
        messageId,
        failure: failurePart(outcome.failure),
        ...(outcome.handOver === undefined ? {} : { queue: queuePart(outcome.handOver).queue }),
      };
    case 'not-accepted':
      return {
        ...common,
        messageId,
        failure: failurePart(outcome.smtp),
        reason: `${outcome.fallback.code}: ${outcome.fallback.detail}`,
        ...(outcome.taken === undefined ? {} : { smtp: outcome.taken }),
      };
  }
}

function queuePart({
  failure,
  ...queue
}: {
  failure: Failure;
  recipients: readonly string[];
  queueMessageId: string;
}) {
  return { failure: failurePart(failure), queue };
}

function failurePart(failure: Failure): Record<string, string> {
  return Object.fromEntries(
    Object.entries(failure).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

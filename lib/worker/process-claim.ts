import { toNodemailer } from '../adapters/mime/compose-mail.ts';
import { parseDomain } from '../domain/address.ts';
import { compositionMark } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { StoredMailFields } from '../domain/stored-mail.ts';
import type { Mail } from '../mailer/mailer.ts';
import type { Claim, Completion, NextState, TraceAttempt } from '../ports/outbox.ts';

export interface AttemptFacts {
  readonly at: Date;
  readonly durationMs: number;
  readonly worker: string;
  /** How long to wait before the next attempt, if there is one. */
  readonly retryAfterMs: number;
}

/** Nothing to send: receipts report that SES has the mail for every owed recipient. */
export const IN_SES = { kind: 'in-ses' } as const;

/** The result of a claim. */
export interface ClaimResult {
  readonly kind: 'tried';
  readonly outcome: Outcome | typeof IN_SES;
  /** The owed recipients at the time of the claim, if there was something to send. */
  readonly owed?: readonly string[];
  /** The recipients that SES has by receipts. */
  readonly inSes: readonly string[];
}

/** What to write to the row after an attempt. Recipients that SES already has count as handed over. */
export function toCompletion(
  { id }: Claim,
  { outcome, owed, inSes }: ClaimResult,
  facts: AttemptFacts,
): Completion {
  if (outcome.kind === 'in-ses') {
    return { id, next: { kind: 'handed-over' }, attempt: traceInSes(inSes, facts) };
  }
  const next = nextState(outcome, facts.retryAfterMs);
  const attempt = traceOf(outcome, facts);
  if (outcome.kind === 'refused' && owed !== undefined) return { id, next, attempt: { ...attempt, owed } };
  if (inSes.length === 0 || next.kind === 'queued' || next.kind === 'failed') return { id, next, attempt };
  return {
    id,
    next: next.kind === 'delivered' ? { kind: 'handed-over' } : next,
    attempt: withThoseInSes(attempt, inSes),
  };
}

/** What to write to the row if nothing was tried, for a reason that may pass. */
export function retryCompletion(claim: Claim, reason: string, facts: AttemptFacts): Completion {
  return {
    id: claim.id,
    next: retry(claim.owed ?? [], reason, facts.retryAfterMs),
    attempt: { ...commonOf('not-accepted', facts), reason },
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
        : // The refused recipients are certainly owed; for the others the trace says "result unknown".
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

function traceInSes(recipients: readonly string[], facts: AttemptFacts): TraceAttempt {
  const reason = 'receipts tell that SES has it';
  return { ...commonOf('handed-over', facts), reason, queue: { recipients } };
}

function withThoseInSes(attempt: TraceAttempt, inSes: readonly string[]): TraceAttempt {
  const { outcome, queue } = attempt;
  return {
    ...attempt,
    outcome: outcome === 'taken' ? 'split' : outcome,
    queue: { ...queue, recipients: [...(queue?.recipients ?? []), ...inSes] },
  };
}

function commonOf(outcome: TraceAttempt['outcome'], { at, durationMs, worker }: AttemptFacts) {
  return { at: at.toISOString(), outcome, durationMs: Math.round(durationMs), worker };
}

function traceOf(outcome: Outcome, facts: AttemptFacts): TraceAttempt {
  const common = commonOf(outcome.kind, facts);
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

/**
 * Converts a claim to the mailer's input. Every worker that claims it composes the same bytes: the queue may
 * already have the mail from a crashed worker.
 */
export function toMail(claim: Claim, fields: StoredMailFields): Mail {
  const { id, tenantId, createdAt, expiresAt } = claim;
  return {
    ...toNodemailer(fields),
    ...compositionMark(id, bareAddress(fields.from), createdAt),
    id,
    tenantId,
    expiresAt,
  };
}

/** The address of `"Marie" <marie@example.org>`; only its domain is used. */
function bareAddress(mailbox: string): string {
  const bare = /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim();
  return parseDomain(bare) === '' ? 'unknown@localhost' : bare;
}

import { toNodemailer } from '../adapters/mime/compose-mail.ts';
import { maskAddress, maskAddressesIn, parseDomain } from '../domain/address.ts';
import { compositionMark } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { Attempted, FallbackFailure, Outcome } from '../domain/outcome.ts';
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
    next: next.kind === 'delivered' ? { ...next, kind: 'handed-over' } : next,
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
      return { kind: 'delivered', ...refusedReason(outcome) };
    case 'handed-over':
    case 'split':
      return { kind: 'handed-over', ...refusedReason(outcome) };
    case 'held':
      return outcome.notAccepted === undefined
        ? {
            kind: 'held',
            reason: `SMTP may have taken it: ${wordsOf(outcome.failure)}; see delivery_trace`,
          }
        : // The refused recipients are certainly owed; for the others the trace says "result unknown".
          retry(
            outcome.notAccepted.recipients,
            `the fallback did not take the recipients that SMTP refused: ${fallbackWords(outcome.notAccepted.fallback)}`,
            retryAfterMs,
          );
    case 'not-accepted': {
      const { smtp, fallback, recipients } = outcome;
      return retry(recipients, `SMTP: ${wordsOf(smtp)}; fallback: ${fallbackWords(fallback)}`, retryAfterMs);
    }
    case 'refused':
      return { kind: 'failed', reason: `${outcome.reason}: ${outcome.detail}` };
  }
}

/** A reply may be pages long; the trace has the rest. */
const MAX_WORDS_CHARACTERS = 300;

/** The class, and what the server said or, if it said nothing, the code of the error. */
function wordsOf({ class: failureClass, response, code }: Failure): string {
  const words = maskAddressesIn(response ?? code ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return words === '' ? failureClass : `${failureClass}: ${words.slice(0, MAX_WORDS_CHARACTERS)}`;
}

function fallbackWords({ code, detail }: FallbackFailure): string {
  return `${code}: ${detail}`;
}

const MAX_NAMED_ADDRESSES = 3;

/** What is said of recipients that can never be sent to, although the mail went out to others. */
function refusedReason({ refused = [] }: Attempted): { readonly reason?: string } {
  if (refused.length === 0) return {};
  const named = refused
    .slice(0, MAX_NAMED_ADDRESSES)
    .map((one) => `${maskAddress(one.address)}: ${one.detail}`);
  const more = refused.length - named.length;
  return { reason: `not sent to ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}` };
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
  const { messageId, refused } = outcome;
  return { ...traceAttempted(outcome, common), messageId, ...(refused === undefined ? {} : { refused }) };
}

function traceAttempted(outcome: Attempted, common: ReturnType<typeof commonOf>): TraceAttempt {
  switch (outcome.kind) {
    case 'taken':
      return { ...common, smtp: outcome.taken };
    case 'handed-over':
      return { ...common, ...queuePart(outcome.handOver) };
    case 'split':
      return { ...common, smtp: outcome.taken, ...queuePart(outcome.handOver) };
    case 'held':
      return {
        ...common,
        failure: failurePart(outcome.failure),
        ...(outcome.handOver === undefined ? {} : { queue: queuePart(outcome.handOver).queue }),
      };
    case 'not-accepted':
      return {
        ...common,
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
 *
 * @param urgentPriority rows of at least this priority are urgent in the fallback, too
 */
export function toMail(claim: Claim, fields: StoredMailFields, urgentPriority: number): Mail {
  const { id, tenantId, priority = 0, createdAt, expiresAt } = claim;
  return {
    ...toNodemailer(fields),
    ...compositionMark(id, bareAddress(fields.from), createdAt),
    id,
    tenantId,
    expiresAt,
    urgent: priority >= urgentPriority,
  };
}

/** The address of `"Marie" <marie@example.org>`; only its domain is used. */
function bareAddress(mailbox: string): string {
  const bare = /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim();
  return parseDomain(bare) === '' ? 'unknown@localhost' : bare;
}

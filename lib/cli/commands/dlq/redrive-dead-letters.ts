import type { DlqClient, Resubmitted, SqsResubmission } from '../../../adapters/sqs/dlq-client.ts';
import { intoBatches } from '../../../adapters/sqs/sqs-client.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../../domain/fallback-message.ts';
import type { Clock } from '../../../ports/runtime.ts';
import type { DeadLetter, DeadLetterFilter, ScanDeps } from '../../lookups/dead-letters.ts';
import { matchesFilter, scanDeadLetters } from '../../lookups/dead-letters.ts';
import type { CauseGroup, DeadLetterSummary } from './causes.ts';
import { groupsOf, summaryOf } from './causes.ts';
import {
  type DeadLetterResult,
  type ProcessDeps,
  type ProcessOutcome,
  processDeadLetters,
} from './process-dead-letters.ts';

export interface RedriveDeps extends ProcessDeps {
  readonly fallback: SqsResubmission;
  readonly clock: Clock;
  readonly extendMs: number | undefined;
}

export interface RedriveOutcome extends ProcessOutcome {
  /**
   * The fallback queue has them, and the dead letters still do, too. They are the same mails under the same ids, so
   * the ledger keeps the second from being sent.
   */
  readonly inBoth: number;
}

/**
 * Moves letters to the fallback queue. A letter is deleted only when the queue has confirmed its copy: whenever the
 * run ends, each is in one of the queues at least.
 *
 * @param chosen by their ids of the queue
 */
export async function redriveDeadLetters(
  chosen: ReadonlySet<string>,
  deps: RedriveDeps,
): Promise<RedriveOutcome> {
  /** The fallback queue has confirmed them; what is left to do is to delete them. */
  const sent = new Set<string>();
  const outcome = await processDeadLetters(chosen, deps, async (deadLetters) => {
    const refused = await send(
      deadLetters.filter(({ queueMessageId }) => !sent.has(queueMessageId)),
      sent,
      deps,
    );
    const gone = await deleteSent(deadLetters, sent, deps.box);
    return new Map(
      deadLetters.map(({ queueMessageId: id }): [string, DeadLetterResult] => [
        id,
        gone.has(id) ? { kind: 'done' } : { kind: 'failed', code: refused.get(id) ?? 'NotDeleted' },
      ]),
    );
  });
  return { ...outcome, inBoth: sent.size };
}

/** Those that SQS did not take, with its code. */
async function send(
  deadLetters: readonly DeadLetter[],
  sent: Set<string>,
  deps: RedriveDeps,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  const messages = deadLetters.map((deadLetter) => {
    const message = resubmitted(deadLetter, deps);
    return { ...message, bytes: Buffer.byteLength(message.body) };
  });
  for (const batch of intoBatches(messages)) {
    const answer = await deps.fallback.send(batch);
    for (const id of answer.taken) sent.add(id);
    for (const [id, code] of answer.refused) refused.set(id, code);
  }
  return refused;
}

/** Those that are gone; they count as sent no longer. */
async function deleteSent(
  deadLetters: readonly DeadLetter[],
  sent: Set<string>,
  box: DlqClient,
): Promise<ReadonlySet<string>> {
  const handles = new Map(
    deadLetters
      .filter(({ queueMessageId }) => sent.has(queueMessageId))
      .map(({ queueMessageId, receiptHandle }) => [receiptHandle, queueMessageId]),
  );
  const deleted = await box.delete([...handles.keys()]);
  const gone = new Set([...deleted].map((handle) => handles.get(handle) ?? ''));
  for (const id of gone) sent.delete(id);
  return gone;
}

/** The body as it is, byte for byte, but where the time of an expired mail is extended. */
function resubmitted({ queueMessageId, body, groupId, parsed }: DeadLetter, deps: RedriveDeps): Resubmitted {
  if (parsed.kind === 'unreadable') throw new Error('an unreadable letter is not redriven');
  const { message } = parsed;
  return {
    queueMessageId,
    body: extended(message, deps) ?? body,
    groupId: message.tenantId ?? groupId,
  };
}

function extended(message: FallbackMessage, { clock, extendMs }: RedriveDeps): string | undefined {
  const now = clock.now();
  if (extendMs === undefined || !isExpired(message.expiresAt, now)) return undefined;
  return serialiseFallbackMessage({
    ...message,
    expiresAt: new Date(now.getTime() + extendMs).toISOString(),
  });
}

/** Why a letter that was asked for stays where it is. */
type StayReason = 'unreadable' | 'expired';

export interface RedriveRequest {
  readonly choice: DeadLetterFilter;
  /** How many to redrive at most. @default all */
  readonly limit?: number | undefined;
  /** Expired mail gets so much time again; without it, it stays. */
  readonly extendMs?: number | undefined;
}

export interface RedrivePlan {
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly staying: Readonly<Record<StayReason, number>>;
  /** Letters that nobody could look at now. */
  readonly outOfSight: number;
}

/** Finds the letters that are to be redriven; moves nothing. */
export async function planRedrive(
  { choice, limit, extendMs }: RedriveRequest,
  now: Date,
  deps: ScanDeps,
): Promise<RedrivePlan> {
  const deadLetters: DeadLetterSummary[] = [];
  const staying = { unreadable: 0, expired: 0 };
  const survey = await scanDeadLetters(deps, (deadLetter) => {
    if (!matchesFilter(choice, deadLetter)) return true;
    const stays = stayReason(deadLetter, now, extendMs !== undefined);
    if (stays === undefined) deadLetters.push(summaryOf(deadLetter));
    else staying[stays] += 1;
    return limit === undefined || deadLetters.length < limit;
  });
  return { deadLetters, causes: groupsOf(deadLetters), staying, outOfSight: survey.outOfSight };
}

function stayReason({ parsed }: DeadLetter, now: Date, isExtended: boolean): StayReason | undefined {
  if (parsed.kind === 'unreadable') return 'unreadable';
  return isExpired(parsed.message.expiresAt, now) && !isExtended ? 'expired' : undefined;
}

/** The resend Lambda would only park it again. */
function isExpired(expiresAt: string | undefined, now: Date): boolean {
  return expiresAt !== undefined && new Date(expiresAt) <= now;
}

import type { DlqClient, Resubmitted } from '../../../adapters/sqs/dlq-client.ts';
import { intoBatches } from '../../../adapters/sqs/sqs-client.ts';
import {
  type FallbackMessage,
  PRIORITIES,
  type Priority,
  serialiseFallbackMessage,
} from '../../../domain/fallback-message.ts';
import type { Clock } from '../../../ports/runtime.ts';
import type { DeadLetter, DeadLetterFilter, ScanDeps } from '../dead-letters.ts';
import { matchesFilter, scanDeadLetters } from '../dead-letters.ts';
import type { CauseGroup, DeadLetterSummary } from './causes.ts';
import { groupsOf, summaryOf } from './causes.ts';
import type { Resubmission } from './open-queues.ts';
import {
  type DeadLetterResult,
  type ProcessDeps,
  type ProcessOutcome,
  processDeadLetters,
} from './process-dead-letters.ts';

export interface RedriveDeps extends ProcessDeps {
  readonly resubmission: Resubmission;
  readonly clock: Clock;
  readonly extendMs: number | undefined;
}

export interface RedriveOutcome extends ProcessOutcome {
  /**
   * In the queue of its priority and still in the DLQ. They are the same mails with the same IDs, so the ledger
   * prevents a second send.
   */
  readonly inBoth: number;
}

/**
 * Moves each dead letter to the queue of its priority. One is deleted only after the queue has confirmed its copy:
 * whenever the run ends, each is in at least one of the queues.
 *
 * @param chosen SQS message IDs
 */
export async function redriveDeadLetters(
  chosen: ReadonlySet<string>,
  deps: RedriveDeps,
): Promise<RedriveOutcome> {
  /** Confirmed by its queue, not yet deleted from the DLQ. */
  const sent = new Set<string>();
  const outcome = await processDeadLetters(chosen, deps, async (deadLetters) => {
    const refused = await send(
      deadLetters.filter(({ queueMessageId }) => !sent.has(queueMessageId)),
      sent,
      deps,
    );
    const deletedIds = await deleteSent(deadLetters, sent, deps.box);
    return new Map(
      deadLetters.map(({ queueMessageId: id }): [string, DeadLetterResult] => [
        id,
        deletedIds.has(id) ? { kind: 'done' } : { kind: 'failed', code: refused.get(id) ?? 'NotDeleted' },
      ]),
    );
  });
  return { ...outcome, inBoth: sent.size };
}

/** @returns those that SQS rejected, with its error code */
async function send(
  deadLetters: readonly DeadLetter[],
  sent: Set<string>,
  deps: RedriveDeps,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  for (const priority of PRIORITIES) {
    const messages = deadLetters
      .filter((deadLetter) => priorityOf(deadLetter) === priority)
      .map((deadLetter) => {
        const message = resubmitted(deadLetter, deps);
        return { ...message, bytes: Buffer.byteLength(message.body) };
      });
    for (const batch of intoBatches(messages)) {
      const response = await deps.resubmission[priority].send(batch);
      for (const id of response.taken) sent.add(id);
      for (const [id, code] of response.refused) refused.set(id, code);
    }
  }
  return refused;
}

function priorityOf({ parsed }: DeadLetter): Priority {
  return (parsed.kind === 'message' ? parsed.message.priority : undefined) ?? 'normal';
}

/** @returns those deleted; also removes them from `sent` */
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
  const deletedIds = new Set([...deleted].map((handle) => handles.get(handle) ?? ''));
  for (const id of deletedIds) sent.delete(id);
  return deletedIds;
}

/** The unchanged body, byte for byte, unless the time of an expired mail is extended. */
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

/** Why a selected dead letter is not redriven. */
type StayReason = 'unreadable' | 'expired';

export interface RedriveRequest {
  readonly choice: DeadLetterFilter;
  /** Maximum to redrive. @default all */
  readonly limit?: number | undefined;
  /** New time to live of expired mail; without it, expired mail stays in the DLQ. */
  readonly extendMs?: number | undefined;
}

export interface RedrivePlan {
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly staying: Readonly<Record<StayReason, number>>;
  /** The cause of one that cannot be read. */
  readonly unreadableCause?: string;
  /** Dead letters in flight with other consumers. */
  readonly inFlight: number;
}

/** Finds the dead letters to redrive; moves nothing. */
export async function planRedrive(
  { choice, limit, extendMs }: RedriveRequest,
  now: Date,
  deps: ScanDeps,
): Promise<RedrivePlan> {
  const deadLetters: DeadLetterSummary[] = [];
  const staying = { unreadable: 0, expired: 0 };
  let unreadableCause: string | undefined;
  const scan = await scanDeadLetters(deps, (deadLetter) => {
    if (!matchesFilter(choice, deadLetter)) return true;
    const stays = stayReason(deadLetter, now, extendMs !== undefined);
    if (stays === undefined) deadLetters.push(summaryOf(deadLetter));
    else staying[stays] += 1;
    if (stays === 'unreadable') unreadableCause ??= deadLetter.cause;
    return limit === undefined || deadLetters.length < limit;
  });
  return {
    deadLetters,
    causes: groupsOf(deadLetters),
    staying,
    inFlight: scan.inFlight,
    ...(unreadableCause === undefined ? {} : { unreadableCause }),
  };
}

function stayReason({ parsed }: DeadLetter, now: Date, isExtended: boolean): StayReason | undefined {
  if (parsed.kind === 'unreadable') return 'unreadable';
  return isExpired(parsed.message.expiresAt, now) && !isExtended ? 'expired' : undefined;
}

/** The resend Lambda would only dead-letter it again. */
function isExpired(expiresAt: string | undefined, now: Date): boolean {
  return expiresAt !== undefined && new Date(expiresAt) <= now;
}

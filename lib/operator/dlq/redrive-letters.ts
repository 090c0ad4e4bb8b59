import { intoBatches } from '../../adapters/sqs/into-batches.ts';
import type { SqsLetterBox } from '../../adapters/sqs/sqs-letter-box.ts';
import type { Resubmitted, SqsResubmission } from '../../adapters/sqs/sqs-resubmission.ts';
import { type Envelope, serialiseEnvelope } from '../../message/envelope.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Letter } from './letter.ts';
import { isExpired } from './redrive-plan.ts';
import { type LetterResult, type WorkOutcome, type WorkParts, workLetters } from './work-letters.ts';

export interface RedriveParts extends WorkParts {
  readonly fallback: SqsResubmission;
  readonly clock: Clock;
  readonly extendMs: number | undefined;
}

export interface RedriveOutcome extends WorkOutcome {
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
export async function redriveLetters(
  chosen: ReadonlySet<string>,
  parts: RedriveParts,
): Promise<RedriveOutcome> {
  /** The fallback queue has confirmed them; what is left to do is to delete them. */
  const sent = new Set<string>();
  const outcome = await workLetters(chosen, parts, async (letters) => {
    const refused = await send(
      letters.filter(({ queueMessageId }) => !sent.has(queueMessageId)),
      sent,
      parts,
    );
    const gone = await deleteSent(letters, sent, parts.box);
    return new Map(
      letters.map(({ queueMessageId: id }): [string, LetterResult] => [
        id,
        gone.has(id) ? { kind: 'done' } : { kind: 'failed', code: refused.get(id) ?? 'NotDeleted' },
      ]),
    );
  });
  return { ...outcome, inBoth: sent.size };
}

/** Those that SQS did not take, with its code. */
async function send(
  letters: readonly Letter[],
  sent: Set<string>,
  parts: RedriveParts,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  const messages = letters.map((letter) => {
    const message = resubmitted(letter, parts);
    return { ...message, bytes: Buffer.byteLength(message.body) };
  });
  for (const batch of intoBatches(messages)) {
    const answer = await parts.fallback.send(batch);
    for (const id of answer.taken) sent.add(id);
    for (const [id, code] of answer.refused) refused.set(id, code);
  }
  return refused;
}

/** Those that are gone; they count as sent no longer. */
async function deleteSent(
  letters: readonly Letter[],
  sent: Set<string>,
  box: SqsLetterBox,
): Promise<ReadonlySet<string>> {
  const handles = new Map(
    letters
      .filter(({ queueMessageId }) => sent.has(queueMessageId))
      .map(({ queueMessageId, receiptHandle }) => [receiptHandle, queueMessageId]),
  );
  const deleted = await box.delete([...handles.keys()]);
  const gone = new Set([...deleted].map((handle) => handles.get(handle) ?? ''));
  for (const id of gone) sent.delete(id);
  return gone;
}

/** The body as it is, byte for byte, but where the time of an expired mail is extended. */
function resubmitted({ queueMessageId, body, groupId, parsed }: Letter, parts: RedriveParts): Resubmitted {
  if (parsed.kind === 'unreadable') throw new Error('an unreadable letter is not redriven');
  const { envelope } = parsed;
  return {
    queueMessageId,
    body: extended(envelope, parts) ?? body,
    groupId: envelope.tenantId ?? groupId,
  };
}

function extended(envelope: Envelope, { clock, extendMs }: RedriveParts): string | undefined {
  const now = clock.now();
  if (extendMs === undefined || !isExpired(envelope.expiresAt, now)) return undefined;
  return serialiseEnvelope({ ...envelope, expiresAt: new Date(now.getTime() + extendMs).toISOString() });
}

import type { Resubmitted, SqsLetterBox, SqsResubmission } from '../../../adapters/sqs/dlq-client.ts';
import { intoBatches } from '../../../adapters/sqs/sqs-client.ts';
import { type Envelope, serialiseEnvelope } from '../../../domain/fallback-message.ts';
import type { Clock } from '../../../ports/runtime.ts';
import type { Letter, LetterChoice, SurveyParts } from '../../lookups/dead-letters.ts';
import { isChosen, surveyLetters } from '../../lookups/dead-letters.ts';
import type { CauseGroup, LetterSummary } from './causes.ts';
import { groupsOf, summaryOf } from './causes.ts';
import { type LetterResult, type WorkOutcome, type WorkParts, workLetters } from './process-dead-letters.ts';

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

/** Why a letter that was asked for stays where it is. */
type StayReason = 'unreadable' | 'expired';

export interface RedriveRequest {
  readonly choice: LetterChoice;
  /** How many to redrive at most. @default all */
  readonly limit?: number | undefined;
  /** Expired mail gets so much time again; without it, it stays. */
  readonly extendMs?: number | undefined;
}

export interface RedrivePlan {
  readonly letters: readonly LetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly staying: Readonly<Record<StayReason, number>>;
  /** Letters that nobody could look at now. */
  readonly outOfSight: number;
}

/** Finds the letters that are to be redriven; moves nothing. */
export async function planRedrive(
  { choice, limit, extendMs }: RedriveRequest,
  now: Date,
  parts: SurveyParts,
): Promise<RedrivePlan> {
  const letters: LetterSummary[] = [];
  const staying = { unreadable: 0, expired: 0 };
  const survey = await surveyLetters(parts, (letter) => {
    if (!isChosen(choice, letter)) return true;
    const stays = stayReason(letter, now, extendMs !== undefined);
    if (stays === undefined) letters.push(summaryOf(letter));
    else staying[stays] += 1;
    return limit === undefined || letters.length < limit;
  });
  return { letters, causes: groupsOf(letters), staying, outOfSight: survey.outOfSight };
}

function stayReason({ parsed }: Letter, now: Date, isExtended: boolean): StayReason | undefined {
  if (parsed.kind === 'unreadable') return 'unreadable';
  return isExpired(parsed.envelope.expiresAt, now) && !isExtended ? 'expired' : undefined;
}

/** The resend Lambda would only park it again. */
function isExpired(expiresAt: string | undefined, now: Date): boolean {
  return expiresAt !== undefined && new Date(expiresAt) <= now;
}

import { type CauseGroup, groupsOf, type LetterSummary, summaryOf } from './cause-groups.ts';
import type { Letter } from './letter.ts';
import { isChosen, type LetterChoice } from './letter-choice.ts';
import { type SurveyParts, surveyLetters } from './survey-letters.ts';

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
export function isExpired(expiresAt: string | undefined, now: Date): boolean {
  return expiresAt !== undefined && new Date(expiresAt) <= now;
}

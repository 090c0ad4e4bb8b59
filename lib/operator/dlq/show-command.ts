import { S3PayloadStore } from '../../adapters/s3/s3-payload-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Letter } from './letter.ts';
import { isChosen, type LetterChoice } from './letter-choice.ts';
import { type LetterStory, type Reveal, tellLetter } from './letter-story.ts';
import { noSuchLetter } from './no-such-letter.ts';
import { openLetterBoxes } from './open-letter-boxes.ts';
import { lettersText } from './render-causes.ts';
import { renderStory } from './render-story.ts';
import { surveyLetters } from './survey-letters.ts';

/** A payload of 40 MB over a slow line. */
const PAYLOAD_TIMEOUT_MS = 60_000;

export interface ShowRequest {
  readonly choice: LetterChoice;
  readonly limit: number;
  readonly reveal: Reveal;
}

/** Shows letters one by one. */
export async function showLetters(
  context: CommandContext,
  { choice, limit, reveal }: ShowRequest,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, aws, commands } = context;
  const { survey, payloadBucket } = await openLetterBoxes(context);
  const letters: Letter[] = [];
  let more = 0;
  const { outOfSight } = await surveyLetters(survey, (letter) => {
    if (!isChosen(choice, letter)) return true;
    if (letters.length < limit) letters.push(letter);
    else more += 1;
    return true;
  });
  if (letters.length === 0) throw noSuchLetter(outOfSight, commands);
  const payloads = async () => new S3PayloadStore(await aws.s3(), payloadBucket, PAYLOAD_TIMEOUT_MS);
  const stories: LetterStory[] = [];
  for (const letter of letters) stories.push(await tellLetter(letter, reveal, payloads));
  terminal.result(stories, () =>
    stories.map((story) => renderStory(terminal, story, clock.now())).join('\n\n'),
  );
  if (more > 0) terminal.note(`${lettersText(more)} more of it: --limit ${letters.length + more} shows all.`);
  return EXIT.ok;
}

import type { Clock } from '../../ports/clock.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { CauseGroups } from './cause-groups.ts';
import { openLetterBoxes } from './open-letter-boxes.ts';
import { lettersText, outOfSightText, renderCauses } from './render-causes.ts';
import { surveyLetters } from './survey-letters.ts';

/** Shows the dead letters, grouped by cause. */
export async function listLetters(context: CommandContext, clock: Clock): Promise<ExitCode> {
  const { terminal, commands } = context;
  const { survey } = await openLetterBoxes(context);
  const groups = new CauseGroups();
  const { counts, seen, outOfSight, complete } = await surveyLetters(survey, (letter) => {
    groups.add(letter);
    return true;
  });
  const causes = groups.groups;
  terminal.result({ queue: counts, seen, outOfSight, complete, causes }, () => {
    const lines = [`${lettersText(seen)} seen; the queue counts ${counts.waiting}.`];
    if (causes.length > 0) lines.unshift(renderCauses(terminal, causes, clock.now()), '');
    if (outOfSight > 0) lines.push(outOfSightText(outOfSight));
    if (!complete) lines.push('It was stopped before the end: there may be more.');
    if (causes.length > 0) lines.push(`Look closer: ${commands.mailctl('dlq show --cause CAUSE')}`);
    return lines.join('\n');
  });
  return complete && outOfSight === 0 ? EXIT.ok : EXIT.warning;
}

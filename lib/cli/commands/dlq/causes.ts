import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import { scanDeadLetters } from '../../lookups/dead-letters.ts';
import { type CauseGroup, CauseGroups } from '../../lookups/dlq/causes.ts';
import { openDlqClients } from '../../lookups/dlq/open-queues.ts';
import { type Terminal, timeAndAge } from '../../terminal.ts';

/** Shows the dead letters, grouped by cause. */
export async function listDeadLetters(context: CommandContext, clock: Clock): Promise<ExitCode> {
  const { terminal, commands } = context;
  const { survey } = await openDlqClients(context);
  const groups = new CauseGroups();
  const { counts, seen, inFlight, complete } = await scanDeadLetters(survey, (deadLetter) => {
    groups.add(deadLetter);
    return true;
  });
  const causes = groups.groups;
  terminal.result({ queue: counts, seen, inFlight, complete, causes }, () => {
    const lines = [`${countText(seen)} seen; the queue counts ${counts.waiting}.`];
    if (causes.length > 0) lines.unshift(renderCauses(terminal, causes, clock.now()), '');
    if (inFlight > 0) lines.push(inFlightText(inFlight));
    if (!complete) lines.push('It was stopped before the end: there may be more.');
    if (causes.length > 0) lines.push(`Look closer: ${commands.mailctl('dlq show --cause CAUSE')}`);
    return lines.join('\n');
  });
  return complete && inFlight === 0 ? EXIT.ok : EXIT.warning;
}

const EXAMPLE_CHARACTERS = 60;

/** One line per cause. */
export function renderCauses(terminal: Terminal, causes: readonly CauseGroup[], now: Date): string {
  return terminal.table(
    ['cause', 'count', 'oldest', 'newest', 'example'],
    causes.map(({ cause, deadLetters, oldest, newest, example }) => [
      cause,
      String(deadLetters),
      timeAndAge(oldest, now),
      timeAndAge(newest, now),
      shortened(example),
    ]),
  );
}

/** `1 letter`, `2 letters`. */
export function countText(count: number): string {
  return count === 1 ? '1 letter' : `${count} letters`;
}

/** The visibility timeout depends on the consumer; ours last no longer than a scan. */
export function inFlightText(count: number): string {
  return `${countText(count)} in flight: another run is processing them, or one that was killed was. They become visible again within a few minutes.`;
}

function shortened(text: string): string {
  return text.length <= EXAMPLE_CHARACTERS ? text : `${text.slice(0, EXAMPLE_CHARACTERS - 1)}…`;
}

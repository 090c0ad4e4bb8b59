import type { Terminal } from '../terminal.ts';
import type { CauseGroup } from './cause-groups.ts';

const EXAMPLE_CHARACTERS = 60;

/** One line a cause. */
export function renderCauses(terminal: Terminal, causes: readonly CauseGroup[], now: Date): string {
  return terminal.table(
    ['cause', 'letters', 'oldest', 'newest', 'for example'],
    causes.map(({ cause, letters, oldest, newest, example }) => [
      cause,
      String(letters),
      age(oldest, now),
      age(newest, now),
      shortened(example),
    ]),
  );
}

/** In the two largest units: `3d 4h`. */
export function age(since: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}

/** One letter, two letters. */
export function lettersText(count: number): string {
  return count === 1 ? '1 letter' : `${count} letters`;
}

/** How soon a hold ends depends on who holds them; none of ours lasts longer than a walk takes. */
export function outOfSightText(count: number): string {
  return `${lettersText(count)} out of sight: another run has them in hand, or one that was killed had. They come back by themselves, within a few minutes as a rule.`;
}

function shortened(text: string): string {
  return text.length <= EXAMPLE_CHARACTERS ? text : `${text.slice(0, EXAMPLE_CHARACTERS - 1)}…`;
}

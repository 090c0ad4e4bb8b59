import type { CommandContext } from '../command-context.ts';
import type { DescribedFailure } from '../describe-failure.ts';
import type { MendCommands } from '../mend-commands.ts';
import type { RedriveOutcome } from './redrive-letters.ts';
import type { RedrivePlan } from './redrive-plan.ts';
import { lettersText, outOfSightText, renderCauses } from './render-causes.ts';
import type { WorkOutcome } from './work-letters.ts';

/** What would be moved. */
export function renderPlan(
  { terminal, commands }: Pick<CommandContext, 'terminal' | 'commands'>,
  plan: RedrivePlan,
  perSecond: number,
  now: Date,
): string {
  const { letters, causes } = plan;
  if (letters.length === 0)
    return ['There is no letter to redrive.', ...stayingLines(plan, commands)].join('\n');
  const minutes = Math.ceil(letters.length / perSecond / 60);
  const duration = minutes <= 1 ? 'up to a minute' : `about ${minutes} minutes`;
  return [
    renderCauses(terminal, causes, now),
    '',
    `${lettersText(letters.length)} to redrive, which takes ${duration}.`,
    ...stayingLines(plan, commands),
  ].join('\n');
}

/** Which letters stay where they are, and why. */
export function stayingLines({ staying, outOfSight }: RedrivePlan, commands: MendCommands): string[] {
  const lines: string[] = [];
  if (staying.unreadable > 0) {
    lines.push(
      `${lettersText(staying.unreadable)} left: nobody can read them, the resend Lambda neither. Look: ${commands.mailctl('dlq show --cause unreadable --body')}`,
    );
  }
  if (staying.expired > 0) {
    lines.push(
      `${lettersText(staying.expired)} left: expired, and would be parked again at once. To send them all the same: --extend HOURS`,
    );
  }
  if (outOfSight > 0) lines.push(outOfSightText(outOfSight));
  return lines;
}

/** What was moved. */
export function renderRedrive(
  outcome: RedriveOutcome,
  interrupted: boolean,
  failure: DescribedFailure | undefined,
): string {
  const lines = [`${lettersText(outcome.done)} moved to the fallback queue.`];
  if (outcome.inBoth > 0) {
    lines.push(
      `${lettersText(outcome.inBoth)} in both queues: sent there, and not yet deleted here. Run it again; the ledger keeps them from being sent twice.`,
    );
  }
  return [...lines, ...restLines(outcome, interrupted, failure)].join('\n');
}

/** Why a run did not do all it was to do. */
export function restLines(
  { failed, missing }: WorkOutcome,
  interrupted: boolean,
  failure: DescribedFailure | undefined,
): string[] {
  const lines = [...failed].map(([code, count]) => `${lettersText(count)} left: SQS answered ${code}.`);
  if (failure !== undefined) {
    lines.push(`It stopped: ${failure.message}`, `  mend: ${failure.mend}`);
    lines.push(`${lettersText(missing)} left. Run it again to go on.`);
  } else if (interrupted) lines.push(`Interrupted: ${lettersText(missing)} left. Run it again to go on.`);
  else if (missing > 0) {
    lines.push(`${lettersText(missing)} not seen again: somebody else works on them. Run it again later.`);
  }
  return lines;
}

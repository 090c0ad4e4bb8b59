import type { Clock } from '../../ports/clock.ts';
import type { CommandContext } from '../command-context.ts';
import { describeFailure } from '../describe-failure.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { noSuchLetter } from './no-such-letter.ts';
import { openLetterBoxes } from './open-letter-boxes.ts';
import { Pace } from './pace.ts';
import { redriveLetters } from './redrive-letters.ts';
import { planRedrive, type RedriveRequest } from './redrive-plan.ts';
import { renderPlan, renderRedrive, stayingLines } from './render-redrive.ts';

export interface RedriveCommand extends RedriveRequest {
  readonly perSecond: number;
  readonly dryRun: boolean;
}

/** Shows which letters go back to the fallback queue, asks, and moves them. */
export async function redrive(
  context: CommandContext,
  command: RedriveCommand,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const boxes = await openLetterBoxes(context);
  const plan = await planRedrive(command, clock.now(), boxes.survey);
  signal.throwIfAborted();
  const { causes, staying, outOfSight } = plan;
  const planned = { planned: plan.letters.length, causes, staying, outOfSight };
  const anyStay = staying.unreadable + staying.expired + outOfSight > 0;
  const isNone = plan.letters.length + staying.unreadable + staying.expired === 0;
  if (isNone && command.choice.by !== 'all') throw noSuchLetter(outOfSight, commands);
  if (command.dryRun || plan.letters.length === 0) {
    terminal.result({ ...planned, dryRun: command.dryRun }, () =>
      renderPlan(context, plan, command.perSecond, clock.now()),
    );
    return anyStay ? EXIT.warning : EXIT.ok;
  }

  terminal.note(renderPlan(context, plan, command.perSecond, clock.now()));
  if (!(await terminal.confirm('Move them to the fallback queue?'))) {
    terminal.result({ ...planned, confirmed: false }, () => 'Nothing was moved: it needs a yes, or --yes.');
    return EXIT.warning;
  }
  const outcome = await redriveLetters(new Set(plan.letters.map(({ queueMessageId }) => queueMessageId)), {
    box: boxes.deadLetters,
    fallback: boxes.fallback,
    pace: new Pace(command.perSecond),
    progress: terminal.progress('Moving', plan.letters.length),
    clock,
    signal,
    extendMs: command.extendMs,
  });
  const { done: moved, inBoth, missing, broken } = outcome;
  const failed = Object.fromEntries(outcome.failed);
  const failure = broken === undefined ? undefined : describeFailure(broken.error, commands);
  terminal.result({ ...planned, moved, inBoth, failed, missing, interrupted: signal.aborted, failure }, () =>
    [renderRedrive(outcome, signal.aborted, failure), ...stayingLines(plan, commands)].join('\n'),
  );
  if (failure !== undefined) return EXIT.failed;
  return moved === plan.letters.length && !anyStay ? EXIT.ok : EXIT.warning;
}

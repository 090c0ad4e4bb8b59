import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { type DescribedFailure, describeFailure } from '../../describe-failure.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import type { FixHints } from '../../hints.ts';
import { noSuchDeadLetter, openDlqClients } from '../../lookups/dlq/open-queues.ts';
import { type ProcessOutcome, RateLimiter } from '../../lookups/dlq/process-dead-letters.ts';
import type { RedrivePlan, RedriveRequest } from '../../lookups/dlq/redrive-dead-letters.ts';
import {
  planRedrive,
  type RedriveOutcome,
  redriveDeadLetters,
} from '../../lookups/dlq/redrive-dead-letters.ts';
import { countText, inFlightText, renderCauses } from './causes.ts';

export interface RedriveCommand extends RedriveRequest {
  readonly perSecond: number;
  readonly dryRun: boolean;
}

/** Shows which dead letters go back to the queue of their priority, asks for confirmation, and moves them. */
export async function redrive(
  context: CommandContext,
  command: RedriveCommand,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const queues = await openDlqClients(context);
  const plan = await planRedrive(command, clock.now(), queues.survey);
  signal.throwIfAborted();
  const { causes, staying, inFlight } = plan;
  const planned = { planned: plan.deadLetters.length, causes, staying, inFlight };
  const anyStay = staying.unreadable + staying.expired + inFlight > 0;
  const isNone = plan.deadLetters.length + staying.unreadable + staying.expired === 0;
  if (isNone && command.choice.by !== 'all') throw noSuchDeadLetter(inFlight, commands);
  if (command.dryRun || plan.deadLetters.length === 0) {
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
  const outcome = await redriveDeadLetters(
    new Set(plan.deadLetters.map(({ queueMessageId }) => queueMessageId)),
    {
      box: queues.deadLetters,
      resubmission: queues.resubmission,
      pace: new RateLimiter(command.perSecond),
      progress: terminal.progress('Moving', plan.deadLetters.length),
      clock,
      signal,
      extendMs: command.extendMs,
    },
  );
  const { done: moved, inBoth, missing, broken } = outcome;
  const failed = Object.fromEntries(outcome.failed);
  const failure = broken === undefined ? undefined : describeFailure(broken.error, commands);
  terminal.result({ ...planned, moved, inBoth, failed, missing, interrupted: signal.aborted, failure }, () =>
    [renderRedrive(outcome, signal.aborted, failure), ...stayingLines(plan, commands)].join('\n'),
  );
  if (failure !== undefined) return EXIT.failed;
  return moved === plan.deadLetters.length && !anyStay ? EXIT.ok : EXIT.warning;
}

/** Renders what would be moved. */
function renderPlan(
  { terminal, commands }: Pick<CommandContext, 'terminal' | 'commands'>,
  plan: RedrivePlan,
  perSecond: number,
  now: Date,
): string {
  const { deadLetters, causes } = plan;
  if (deadLetters.length === 0)
    return ['There is no dead letter to redrive.', ...stayingLines(plan, commands)].join('\n');
  const minutes = Math.ceil(deadLetters.length / perSecond / 60);
  const duration = minutes <= 1 ? 'up to a minute' : `about ${minutes} minutes`;
  return [
    renderCauses(terminal, causes, now),
    '',
    `${countText(deadLetters.length)} to redrive, which takes ${duration}.`,
    ...stayingLines(plan, commands),
  ].join('\n');
}

/** Which dead letters stay in the DLQ, and why. */
function stayingLines({ staying, unreadableCause, inFlight }: RedrivePlan, commands: FixHints): string[] {
  const lines: string[] = [];
  if (staying.unreadable > 0) {
    lines.push(
      `${countText(staying.unreadable)} left: they cannot be parsed, not by the resend Lambda either. Look: ${commands.mailctl(`dlq show --cause ${unreadableCause} --body`)}`,
    );
  }
  if (staying.expired > 0) {
    lines.push(
      `${countText(staying.expired)} left: expired, and would be parked again at once. To send them all the same: --extend HOURS`,
    );
  }
  if (inFlight > 0) lines.push(inFlightText(inFlight));
  return lines;
}

/** Renders what was moved. */
function renderRedrive(
  outcome: RedriveOutcome,
  interrupted: boolean,
  failure: DescribedFailure | undefined,
): string {
  const lines = [`${countText(outcome.done)} moved to the fallback queue.`];
  if (outcome.inBoth > 0) {
    lines.push(
      `${countText(outcome.inBoth)} in both queues: sent there, and not yet deleted here. Run it again; the ledger keeps them from being sent twice.`,
    );
  }
  return [...lines, ...restLines(outcome, interrupted, failure)].join('\n');
}

/** Why a run did not process everything. */
export function restLines(
  { failed, missing }: ProcessOutcome,
  interrupted: boolean,
  failure: DescribedFailure | undefined,
): string[] {
  const lines = [...failed].map(([code, count]) => `${countText(count)} left: SQS answered ${code}.`);
  if (failure !== undefined) {
    lines.push(`It stopped: ${failure.message}`, `  fix: ${failure.fix}`);
    lines.push(`${countText(missing)} left. Run it again to go on.`);
  } else if (interrupted) lines.push(`Interrupted: ${countText(missing)} left. Run it again to go on.`);
  else if (missing > 0) {
    lines.push(
      `${countText(missing)} not seen again: another redrive or drop is working on them. Run it again later.`,
    );
  }
  return lines;
}

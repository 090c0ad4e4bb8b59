import type { QuickstartContext, QuickstartStep, StepName } from './quickstart-step.ts';

export interface StepReport {
  readonly name: StepName;
  /** `ahead`: not looked at, since one before it has stopped. */
  readonly state: 'done' | 'skipped' | 'stopped' | 'ahead';
  readonly detail: string;
}

export interface WalkReport {
  /** True where nothing is left to do. */
  readonly finished: boolean;
  readonly steps: readonly StepReport[];
  /** What a person does before it goes on. */
  readonly todo: readonly string[];
}

/**
 * Takes one step after another, up to the first that a person must act for. What is done already is said and passed.
 *
 * @throws what a step throws, and the signal's reason, once it aborts
 */
export async function walkSteps(
  steps: readonly QuickstartStep[],
  context: QuickstartContext,
): Promise<WalkReport> {
  const reports: StepReport[] = [];
  let todo: readonly string[] = [];
  let hasStopped = false;
  for (const step of steps) {
    context.signal.throwIfAborted();
    if (hasStopped) {
      reports.push({ name: step.name, state: 'ahead', detail: '' });
      continue;
    }
    const taken = await take(step, context);
    reports.push(taken.report);
    todo = taken.todo;
    hasStopped = taken.report.state === 'stopped';
  }
  return { finished: !hasStopped, steps: reports, todo };
}

interface TakenStep {
  readonly report: StepReport;
  readonly todo: readonly string[];
}

async function take(step: QuickstartStep, context: QuickstartContext): Promise<TakenStep> {
  const { name } = step;
  const { terminal, options } = context;
  const tell = (state: StepReport['state'], detail: string, todo: readonly string[] = []): TakenStep => {
    terminal.note(`${name}: ${state}${detail === '' ? '' : `, ${detail}`}`);
    return { report: { name, state, detail }, todo };
  };
  if (options.skip.includes(name)) return tell('skipped', '');
  const standing = await step.isDone(context);
  if (standing.kind === 'done') return tell('done', standing.detail);
  terminal.note(`\n${name}: ${standing.detail}\n  ${step.explain(context)}`);
  const outcome = await step.run(context, standing);
  return outcome.kind === 'done'
    ? tell('done', outcome.detail)
    : tell('stopped', outcome.detail, outcome.todo);
}

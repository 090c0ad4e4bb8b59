import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { Terminal, type TerminalStreams } from '../terminal.ts';
import { ALL_STEPS } from './all-steps.ts';
import type { QuickstartOptions } from './quickstart-step.ts';
import { renderWalk } from './render-walk.ts';
import { walkSteps } from './walk-steps.ts';

/** `mailctl quickstart`. */
export async function runQuickstartCommand(
  context: CommandContext,
  options: QuickstartOptions,
  { input, errors }: Omit<TerminalStreams, 'output'>,
): Promise<ExitCode> {
  const { terminal } = context;
  const aside = new Terminal({ input, output: errors, errors }, { json: false, yes: options.yes });
  const report = await walkSteps(ALL_STEPS, { ...context, options, aside });
  terminal.result(report, () => renderWalk(terminal, report));
  return report.finished ? EXIT.ok : EXIT.warning;
}

import type { Style, Terminal } from '../terminal.ts';
import type { StepReport, WalkReport } from './walk-steps.ts';

const STYLES: Readonly<Record<StepReport['state'], Style>> = {
  done: 'green',
  skipped: 'dim',
  stopped: 'yellow',
  ahead: 'dim',
};

export function renderWalk(terminal: Terminal, { finished, steps, todo }: WalkReport): string {
  const rows = steps.map(({ name, state, detail }) => [terminal.paint(STYLES[state], state), name, detail]);
  const next = finished
    ? ['Nothing is left to do: the pipeline works.']
    : [
        'Next, by you:',
        ...todo.map((line) => `  - ${line}`),
        'Then run mailctl quickstart again: it goes on from here.',
      ];
  return [terminal.table(['STATE', 'STEP', 'WHAT WAS SEEN'], rows), '', ...next].join('\n');
}

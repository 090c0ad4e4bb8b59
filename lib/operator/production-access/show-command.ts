import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { accessStateOf } from './access-state.ts';
import { readStanding } from './account-standing.ts';
import { renderStanding } from './render-access.ts';

/** `mailctl production-access`. */
export async function runShowCommand({ aws, terminal, signal }: CommandContext): Promise<ExitCode> {
  const standing = await readStanding(await aws.ses(), signal);
  const state = accessStateOf(standing);
  terminal.result({ ...standing, state }, () => renderStanding(terminal, standing, state));
  return state.kind === 'granted' ? EXIT.ok : EXIT.warning;
}

import { accessStateOf } from '../../production-access/access-state.ts';
import { readStanding } from '../../production-access/account-standing.ts';
import { runRequestCommand } from '../../production-access/request-command.ts';
import {
  done,
  open,
  type QuickstartContext,
  type QuickstartStep,
  type StepStanding,
  stopped,
} from '../quickstart-step.ts';

export const PRODUCTION_ACCESS: QuickstartStep = {
  name: 'production-access',
  explain: () =>
    'A new account sends to verified recipients alone, until AWS has read what it is for. The request is shown before it is filed.',
  isDone: async (context) => (await lookAt(context)).standing,
  run: async (context, before) => {
    const { website, contact, dailyVolume } = context.options;
    const { state } = await lookAt(context);
    if (state.kind !== 'sandbox' || website === undefined) return stopped(before);
    const volume = dailyVolume === undefined ? {} : { dailyVolume };
    const flags = { website, contact, language: 'EN' as const, ...volume };
    await runRequestCommand({ ...context, terminal: context.aside }, flags);
    const after = (await lookAt(context)).standing;
    return after.kind === 'done' ? after : stopped(after);
  },
};

async function lookAt({ aws, signal, commands, options }: QuickstartContext) {
  const state = accessStateOf(await readStanding(await aws.ses(), signal));
  const again =
    options.website === undefined ? 'quickstart --website URL' : `quickstart --website ${options.website}`;
  const standing: StepStanding =
    state.kind === 'granted'
      ? done(state.detail)
      : open(state.detail, state.kind === 'sandbox' ? commands.mailctl(again) : state.mend);
  return { state, standing };
}

import { untilAborted } from '../../../../common/async.ts';
import { isDelivery } from '../../../../domain/delivery-status.ts';
import { EXIT } from '../../../errors.ts';
import { openDeliverySources } from '../../../lookups/delivery-sources.ts';
import { accessStateOf, readAccountState, SIMULATOR } from '../../../lookups/sending-account.ts';
import { DEFAULT_SOFT_BOUNCES } from '../../../lookups/suppression-lists.ts';
import {
  done,
  open,
  type QuickstartContext,
  type QuickstartStep,
  type StepStanding,
  stopped,
} from '../step.ts';

const CHECK_TIMEOUT_MS = 10_000;

export const DOCTOR: QuickstartStep = {
  name: 'doctor',
  explain: () => 'All checks once, before the first mail.',
  // What was well yesterday may not be today, and it takes seconds.
  isDone: async ({ commands }) =>
    open(
      'it is asked each time',
      `fix what it names as fail, then ${commands.mailctl('quickstart')}`,
      `or go on without: ${commands.mailctl('quickstart --skip doctor')}`,
    ),
  run: async (context, before) => {
    const { resolver, serverPort, mount, path } = context.options;
    const flags = {
      timeoutMs: CHECK_TIMEOUT_MS,
      serverPort,
      mount,
      ...(resolver === undefined ? {} : { resolver }),
      ...(path === undefined ? {} : { path }),
    };
    const code = await context.others.doctor({ ...context, terminal: context.aside }, flags);
    if (code === EXIT.failed) return stopped({ ...before, detail: 'something is broken' });
    return done(code === EXIT.ok ? 'all is well' : 'it works; look at the warnings');
  },
};

/** Always the same: however often it is asked for, the ledger lets it go out once. */
const ID = 'mailctl-first-mail';

const TIMEOUT_MS = 60_000;

export const FIRST_MAIL: QuickstartStep = {
  name: 'first-mail',
  explain: () => "A mail goes the whole way, as if mail-core were down, to SES's mailbox simulator.",
  isDone: async (context) =>
    (await wasDelivered(context))
      ? done(`${ID} was delivered`)
      : open('none was delivered yet', context.commands.mailctl('send')),
  run: async (context, before) => {
    const { terminal, aside, commands, others } = context;
    if (!(await terminal.confirm(`Send a test mail to ${SIMULATOR}?`))) return stopped(before);
    const mail = { id: ID, by: 'fallback', to: SIMULATOR, timeoutMs: TIMEOUT_MS } as const;
    const result = await others.send(context, mail, aside);
    if (result.verdict === 'delivered') return done(result.detail);
    const again = `${commands.mailctl('quickstart')}, which does not send it twice`;
    return stopped({
      detail: result.detail,
      todo: [...(result.fix === undefined ? [] : [result.fix]), again],
    });
  },
};

async function wasDelivered(context: QuickstartContext): Promise<boolean> {
  const { sources, close } = openDeliverySources(context, DEFAULT_SOFT_BOUNCES);
  try {
    const parts = await untilAborted(sources.parts(ID), context.signal);
    return parts.some(({ statuses }) => Object.values(statuses).some(isDelivery));
  } finally {
    await close();
  }
}

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
    await context.others.requestProductionAccess({ ...context, terminal: context.aside }, flags);
    const after = (await lookAt(context)).standing;
    return after.kind === 'done' ? after : stopped(after);
  },
};

async function lookAt({ aws, signal, commands, options }: QuickstartContext) {
  const state = accessStateOf(await readAccountState(await aws.ses(), signal));
  const again =
    options.website === undefined ? 'quickstart --website URL' : `quickstart --website ${options.website}`;
  const standing: StepStanding =
    state.kind === 'granted'
      ? done(state.detail)
      : open(state.detail, state.kind === 'sandbox' ? commands.mailctl(again) : state.fix);
  return { state, standing };
}

import { isDelivery } from '../../../message/fate.ts';
import { renderSend, renderStep } from '../../send/render-send.ts';
import { sendTestMail } from '../../send/send-test-mail.ts';
import { SIMULATOR } from '../../send/simulator.ts';
import { openDeliverySources } from '../../status/open-delivery-sources.ts';
import { DEFAULT_SOFT_BOUNCES } from '../../suppression/soft-bounce-options.ts';
import { untilAborted } from '../../until-aborted.ts';
import { done, open, type QuickstartContext, type QuickstartStep, stopped } from '../quickstart-step.ts';

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
    const { terminal, aside, commands } = context;
    if (!(await terminal.confirm(`Send a test mail to ${SIMULATOR}?`))) return stopped(before);
    const result = await sendTestMail(context, {
      id: ID,
      by: 'fallback',
      to: SIMULATOR,
      wait: true,
      timeoutMs: TIMEOUT_MS,
      isKnownId: true,
      onStep: (step) => terminal.note(renderStep(step)),
    });
    terminal.note(renderSend(aside, result));
    if (result.verdict === 'delivered') return done(result.detail);
    const again = `${commands.mailctl('quickstart')}, which does not send it twice`;
    return stopped({
      detail: result.detail,
      todo: [...(result.mend === undefined ? [] : [result.mend]), again],
    });
  },
};

async function wasDelivered(context: QuickstartContext): Promise<boolean> {
  const { sources, close } = openDeliverySources(context, DEFAULT_SOFT_BOUNCES);
  try {
    const parts = await untilAborted(sources.parts(ID), context.signal);
    return parts.some(({ fates }) => Object.values(fates).some(isDelivery));
  } finally {
    await close();
  }
}

import { randomUUID } from 'node:crypto';
import type { CommandContext } from '../command-context.ts';
import type { ExitCode } from '../exit-code.ts';
import { renderSend, renderStep } from './render-send.ts';
import { exitCodeOf } from './send-result.ts';
import { type SendOptions, sendTestMail } from './send-test-mail.ts';

export interface SendFlags extends Omit<SendOptions, 'id' | 'onStep'> {}

/** `mailctl send`. */
export async function runSendCommand(context: CommandContext, flags: SendFlags): Promise<ExitCode> {
  const { terminal } = context;
  const result = await sendTestMail(context, {
    ...flags,
    id: `mailctl-${randomUUID()}`,
    onStep: (step) => terminal.note(renderStep(step)),
  });
  terminal.result(result, () => renderSend(terminal, result));
  return exitCodeOf(result);
}

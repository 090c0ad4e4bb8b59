import type { Mailbox } from './received-mail.ts';
import type { SmtpBehaviour, SmtpStage } from './smtp-behaviour.ts';

/** What the connections of one double share. The behaviours are read anew at each stage: they change at runtime. */
export type SmtpStageSet = {
  readonly behaviours: () => readonly SmtpBehaviour[];
  readonly mailbox: Mailbox;
  readonly reached: (stage: SmtpStage) => void;
  /** Ends waits inside of connections when the double closes. */
  readonly closing: AbortSignal;
};

const STAGE_OF_COMMAND: Readonly<Record<string, SmtpStage>> = {
  EHLO: 'ehlo',
  HELO: 'ehlo',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
};

export function stageOfCommand(name: string): SmtpStage | undefined {
  return STAGE_OF_COMMAND[name];
}

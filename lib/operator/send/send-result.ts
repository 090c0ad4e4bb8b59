import { EXIT, type ExitCode } from '../exit-code.ts';

/** The ways out that a test mail can take. */
export const SEND_WAYS = ['smtp', 'ses', 'fallback'] as const;

export type SendWay = (typeof SEND_WAYS)[number];

/** Something that was seen on the mail's way. */
export interface SendStep {
  readonly what: string;
  /** Since the mail was given away. */
  readonly afterMs: number;
}

export interface SendEnding {
  /**
   * - `delivered`: the recipient's server has it, or, by SMTP, mail-core has.
   * - `open`: it was sent, and its fate is not known yet.
   * - `failed`: it does not come, or not without a person.
   */
  readonly verdict: 'delivered' | 'open' | 'failed';
  readonly detail: string;
  /** What to do; absent where there is nothing to do. */
  readonly mend?: string | undefined;
}

/** What became of a test mail. Addresses are masked. */
export interface SendResult extends SendEnding {
  /** Of the delivery, for `mailctl status`. */
  readonly id: string;
  readonly by: SendWay;
  readonly from: string;
  readonly to: string;
  readonly steps: readonly SendStep[];
}

const EXITS: Readonly<Record<SendEnding['verdict'], ExitCode>> = {
  delivered: EXIT.ok,
  open: EXIT.warning,
  failed: EXIT.failed,
};

export const exitCodeOf = ({ verdict }: SendEnding): ExitCode => EXITS[verdict];

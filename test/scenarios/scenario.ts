import type { LocalPipeline } from '../../lib/emulators/pipeline.ts';

/** Some hours of a deployment. All its times are scenario times, not those of the machine. */
export interface Scenario {
  readonly name: string;
  /** Seconds of the scenario per second of the machine that runs it. */
  readonly speed: number;
  /** When it begins, in ISO 8601. The date is made up: a new recording then differs only in its data. */
  readonly from: string;
  readonly hours: number;
  readonly loads: readonly Load[];
  /** In chronological order. */
  readonly steps: readonly Step[];
}

/** Mails that the API inserts, one at a time. */
export interface Load {
  /** From the beginning of the scenario. @default 0 */
  readonly fromHours?: number;
  /** @default its end */
  readonly toHours?: number;
  /** @param hourOfDay from 0 up to, but not including, 24 */
  mailsPerHour(hourOfDay: number): number;
  /** @param index of the mail, from 0 */
  recipient(index: number): string;
}

/** An event or an action. */
export interface Step {
  /** From the beginning of the scenario. */
  readonly atHours: number;
  readonly title: string;
  act(stage: Stage): Promise<void> | void;
}

/** What a step has access to. */
export interface Stage {
  readonly pipeline: LocalPipeline;
  /** Makes the API insert a mail. */
  ask(mail: AskedMail): Promise<void>;
  /** Ends the scenario now, before its hours are over. */
  end(): void;
  /** Aborts when the scenario ends. */
  readonly signal: AbortSignal;
}

export interface AskedMail {
  readonly to: string;
  /** @default support at the domain that SES sends for */
  readonly from?: string;
}

import type { LocalPipeline } from '../../lib/emulators/pipeline.ts';

/** Some hours in the life of a deployment. All times in it are those of the scenario, not of the machine. */
export interface Scenario {
  readonly name: string;
  /** So many seconds of it are one of the machine that plays it. */
  readonly speed: number;
  /** When it begins, in ISO 8601. The day is made up: a recording made anew differs in its data alone. */
  readonly from: string;
  readonly hours: number;
  readonly loads: readonly Load[];
  /** In the order of time. */
  readonly steps: readonly Step[];
}

/** Mails that the API asks for, one at a time. */
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

/** Something that happens, or that somebody does. */
export interface Step {
  /** From the beginning of the scenario. */
  readonly atHours: number;
  readonly title: string;
  act(stage: Stage): Promise<void> | void;
}

/** What a step can get at. */
export interface Stage {
  readonly pipeline: LocalPipeline;
  /** Lets the API ask for a mail. */
  ask(mail: AskedMail): Promise<void>;
  /** Ends the scenario now, sooner than its hours are over. */
  end(): void;
  /** Aborts when the scenario ends. */
  readonly signal: AbortSignal;
}

export interface AskedMail {
  readonly to: string;
  /** @default support of the domain that SES sends for */
  readonly from?: string;
}

import type { Recording } from '../support/cloudwatch/recording.ts';

/** The CloudWatch metrics of a scenario run, in scenario time. */
export interface ScenarioRecording extends Recording {
  readonly scenario: string;
  /** Seconds of the recording per second of the machine that ran it. */
  readonly speed: number;
  /** When the scenario begins and ends in the recording, in ISO 8601; the dates are made up. */
  readonly from: string;
  readonly to: string;
}

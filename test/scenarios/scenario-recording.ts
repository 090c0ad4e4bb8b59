import type { Recording } from '../support/cloudwatch/recording.ts';

/** What a played scenario left in CloudWatch, in the scenario's own time. */
export interface ScenarioRecording extends Recording {
  readonly scenario: string;
  /** So many seconds of the recording are one of the machine that played it. */
  readonly speed: number;
  /** When the scenario begins and ends in the recording, in ISO 8601; the days are made up. */
  readonly from: string;
  readonly to: string;
}

import * as v from 'valibot';
import type { ScenarioRecording } from '../scenarios/scenario-recording.ts';

const moment = v.pipe(v.string(), v.isoTimestamp());

const recording = v.object({
  scenario: v.string(),
  speed: v.pipe(v.number(), v.gtValue(0)),
  from: moment,
  to: moment,
  startsAt: moment,
  metrics: v.array(
    v.object({
      namespace: v.string(),
      name: v.string(),
      dimensions: v.record(v.string(), v.string()),
      unit: v.string(),
      runs: v.array(v.array(v.union([v.number(), v.array(v.number())]))),
    }),
  ),
});

export type RecordingReading =
  | { readonly kind: 'read'; readonly recording: ScenarioRecording }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A recording from the text of its file. */
export function readRecording(text: string): RecordingReading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'unreadable',
      reason: `it is not JSON: ${error instanceof Error ? error.message : error}`,
    };
  }
  const read = v.safeParse(recording, json);
  if (read.success) return { kind: 'read', recording: read.output };
  const [issue] = read.issues;
  return { kind: 'unreadable', reason: `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}` };
}

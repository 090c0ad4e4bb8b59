import type { ScenarioRecording } from '../scenarios/scenario-recording.ts';
import { FROM_MS, sampleStore, TO_MS } from './sample-store.ts';

/** The six hours of the sample, as if they had been recorded. */
export function sampleRecording(): ScenarioRecording {
  const [from, to] = [FROM_MS, TO_MS].map((atMs) => new Date(atMs).toISOString());
  return {
    scenario: 'made-up',
    speed: 120,
    from: String(from),
    to: String(to),
    ...sampleStore().toRecording(),
  };
}

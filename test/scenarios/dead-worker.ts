import { dailyRhythm } from './daily-rhythm.ts';
import { buyer } from './recipients.ts';
import type { Scenario } from './scenario.ts';

/** The worker is killed during an outage and is not restarted: rows and receipts pile up. */
export const DEAD_WORKER: Scenario = {
  name: 'dead-worker',
  speed: 120,
  from: '2026-01-14T09:00:00.000Z',
  hours: 6,
  loads: [{ mailsPerHour: dailyRhythm, recipient: buyer }],
  steps: [
    {
      atHours: 1.5,
      title: 'mail-core refuses connections',
      act: ({ pipeline: { smtp } }) => smtp.behave({ kind: 'refused' }),
    },
    {
      atHours: 2.5,
      title: 'The worker is killed, and does not come back',
      act: ({ pipeline: { worker } }) => worker.kill(),
    },
  ],
};

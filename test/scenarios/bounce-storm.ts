import { dailyRhythm } from './daily-rhythm.ts';
import { angryBuyer, buyer, goneBuyer, USUAL_REFUSALS } from './recipients.ts';
import type { Scenario } from './scenario.ts';

/**
 * Of the imported addresses, two in five do not exist, and one in 60 belongs to a recipient who complains.
 */
function imported(index: number): string {
  if (index % 60 === 30) return angryBuyer(index);
  // Some are in the list twice: their second mail is suppressed.
  return index % 5 < 2 ? goneBuyer(index % 150) : buyer(index);
}

/** mail-core is down, and meanwhile a user imports a list of addresses and writes to all of them. */
export const BOUNCE_STORM: Scenario = {
  name: 'bounce-storm',
  speed: 90,
  from: '2026-01-14T09:00:00.000Z',
  hours: 6,
  loads: [
    { mailsPerHour: (hourOfDay) => 0.6 * dailyRhythm(hourOfDay), recipient: buyer },
    { fromHours: 1.5, toHours: 3, mailsPerHour: () => 150, recipient: imported },
  ],
  steps: [
    {
      atHours: 1,
      title: 'mail-core refuses connections',
      act: ({ pipeline: { smtp } }) => smtp.behave({ kind: 'refused' }),
    },
    {
      atHours: 2.1,
      title: 'DynamoDB throttles some writes',
      act: ({ pipeline: { services } }) => {
        services.dynamoDb.fault({ fault: { kind: 'throttle' }, on: { action: 'UpdateItem' }, times: 6 });
      },
    },
    {
      atHours: 4,
      title: 'mail-core is back',
      act: ({ pipeline: { smtp } }) => smtp.behave(USUAL_REFUSALS),
    },
  ],
};

import { dailyRhythm } from './daily-rhythm.ts';
import { buyer, DEFERRED, GREYLISTED, UNKNOWN, USUAL_REFUSALS } from './recipients.ts';
import type { Scenario, Stage, Step } from './scenario.ts';

/** A day without incidents: an occasional refused or lost mail must not page anybody. */
export const HEALTHY_DAY: Scenario = {
  name: 'healthy-day',
  speed: 240,
  from: '2026-01-14T00:00:00.000Z',
  hours: 24,
  loads: [{ mailsPerHour: dailyRhythm, recipient: buyer }],
  steps: [
    mailTo(8.2, 'a buyer whose server greylists', GREYLISTED),
    mailTo(9.6, 'an address that nobody has', UNKNOWN),
    mailTo(11.1, 'a buyer whose server greylists by policy', DEFERRED),
    mailTo(12.9, 'a buyer whose server greylists', GREYLISTED),
    { atHours: 14.3, title: 'One connection is lost within a mail', act: loseOneConnection },
    mailTo(16.4, 'a buyer whose server greylists', GREYLISTED),
    mailTo(17.8, 'a buyer whose server greylists by policy', DEFERRED),
    mailTo(20.5, 'an address that nobody has', UNKNOWN),
  ],
};

function mailTo(atHours: number, whom: string, to: string): Step {
  return { atHours, title: `A mail to ${whom}`, act: ({ ask }) => ask({ to }) };
}

async function loseOneConnection({ pipeline: { smtp }, signal }: Stage): Promise<void> {
  const lost = smtp.reached('body', { signal });
  await smtp.behave(USUAL_REFUSALS, { kind: 'break', at: 'body', by: 'reset' });
  await lost;
  await smtp.behave(USUAL_REFUSALS);
}

import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { LocalPipeline } from '../../lib/emulators/pipeline.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { dailyRhythm } from './daily-rhythm.ts';
import { buyer, USUAL_REFUSALS } from './recipients.ts';
import type { Scenario, Step } from './scenario.ts';

/**
 * mail-core is down for three hours, failing in one way after another. Between two failures it works for some
 * minutes, as a server under repair does: so some mails meet each failure before the worker stops trying
 * SMTP.
 */
export const OUTAGE: Scenario = {
  name: 'outage',
  speed: 90,
  from: '2026-01-14T09:00:00.000Z',
  hours: 6,
  loads: [{ mailsPerHour: dailyRhythm, recipient: buyer }],
  steps: [
    mailCore(1.5, 'refuses connections', { kind: 'refused' }),
    {
      atHours: 1.8,
      title: 'SES takes a mail, and its answer is lost',
      act: ({ pipeline }) => {
        pipeline.services.ses.fault({ effect: { kind: 'reset', accepted: true } });
      },
    },
    mailCore(2.2, 'is back for some minutes'),
    mailCore(2.3, 'accepts connections and never greets', { kind: 'blackhole' }),
    {
      atHours: 2.5,
      title: 'SES throttles some calls',
      act: ({ pipeline }) => {
        pipeline.services.ses.fault({ effect: { kind: 'throttling' }, times: 6 });
      },
    },
    mailCore(3.0, 'is back for some minutes'),
    mailCore(3.1, 'shows a certificate that has run out', { kind: 'certificate', flaw: 'expired' }),
    {
      atHours: 3.3,
      title: 'A mail in the name of a foreign domain: SES may not send it',
      act: ({ ask }) => ask({ to: buyer(0), from: 'Shop <orders@shop.example>' }),
    },
    mailCore(3.7, 'is back for some minutes'),
    mailCore(3.8, 'denies relaying', { kind: 'relay-denied' }),
    mailCore(4.5, 'is back'),
    {
      atHours: 5,
      title: 'Somebody has looked at the dead letter, and drops it',
      act: ({ pipeline }) => dropDeadLetter(pipeline),
    },
  ],
};

/** A change applies to new connections at once: the existing ones are closed, as when a server restarts. */
function mailCore(atHours: number, does: string, behaviour: SmtpBehaviour = USUAL_REFUSALS): Step {
  return {
    atHours,
    title: `mail-core ${does}`,
    act: async ({ pipeline: { smtp } }) => {
      await smtp.behave(behaviour);
      smtp.dropConnections('close');
    },
  };
}

async function dropDeadLetter({ services: { aws } }: LocalPipeline): Promise<void> {
  const queue = { QueueUrl: aws.deadLetters.url };
  const { Messages = [] } = await aws.sqs.send(new ReceiveMessageCommand(queue));
  for (const { ReceiptHandle } of Messages) {
    await aws.sqs.send(new DeleteMessageCommand({ ...queue, ReceiptHandle }));
  }
}

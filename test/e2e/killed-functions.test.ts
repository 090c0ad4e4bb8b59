import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serialiseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { startFeedbackFunction, startResendFunction } from '../../lib/emulators/backend.ts';
import type { LambdaHost } from '../../lib/emulators/lambda/lambda-host.ts';
import { type LocalServices, startLocalServices } from '../../lib/emulators/services.ts';
import { Recorder } from '../../lib/emulators/ses/recorder.ts';
import { anEnvelope } from '../support/an-envelope.ts';

const SOON = () => ({ signal: AbortSignal.timeout(30_000) });

/** When SES's events about a mail arrive, relative to the next attempt. */
type Events = 'before retry' | 'while retry waits' | 'never';

/** Where the function is killed, and how many times SES has accepted the mail in the end. */
interface Killing {
  readonly id: string;
  readonly at: 'claimed' | 'calling, not accepted' | 'calling, accepted' | 'response received';
  readonly events: Events;
  readonly accepted: number;
}

const KILLINGS: readonly Killing[] = [
  { id: 'claimed', at: 'claimed', events: 'before retry', accepted: 1 },
  { id: 'not-accepted', at: 'calling, not accepted', events: 'before retry', accepted: 1 },
  { id: 'accepted-event', at: 'calling, accepted', events: 'before retry', accepted: 1 },
  { id: 'accepted-event-late', at: 'calling, accepted', events: 'while retry waits', accepted: 1 },
  { id: 'accepted-no-event', at: 'calling, accepted', events: 'never', accepted: 2 },
  { id: 'response-event', at: 'response received', events: 'before retry', accepted: 1 },
  { id: 'response-event-late', at: 'response received', events: 'while retry waits', accepted: 1 },
  { id: 'response-no-event', at: 'response received', events: 'never', accepted: 2 },
];

interface Line {
  readonly event?: string;
  readonly deliveryId?: string;
}

describe('the bundle of the resend Lambda, killed around the call of SES', () => {
  const lines = new Recorder<Line>('log line');
  let services: LocalServices;
  let resendFunction: LambdaHost;
  let feedbackFunction: LambdaHost;

  const eventsOf = (id: string) => KILLINGS.find((killing) => killing.id === id)?.events;

  beforeAll(async () => {
    services = await startLocalServices({ fallbackVisibilitySeconds: 60, feedbackVisibilitySeconds: 60 });
    const options = {
      resend: { timeoutSeconds: 60, visibilitySeconds: 60 },
      feedback: { timeoutSeconds: 60, visibilitySeconds: 60 },
      eventWaitSeconds: { least: 45, default: 45, most: 50 },
      feedbackWindowSeconds: 1,
      onResendLogLine: (line: string) => lines.add(JSON.parse(line)),
    };
    resendFunction = await startResendFunction(services, options);
    const { ses } = services;
    ses.disturbEvents({
      effect: { kind: 'withhold' },
      when: ({ mail }) => eventsOf(mail.tags.deliveryId?.[0] ?? '') !== 'before retry',
    });
    // The next attempt has read the ledger and waits: deliver the events now.
    lines.subscribe(({ event, deliveryId = '' }) => {
      if (event !== 'send-event-awaited' || eventsOf(deliveryId) !== 'while retry waits') return;
      ses.releaseEvents(({ mail }) => mail.tags.deliveryId?.[0] === deliveryId);
    });
    for (const killing of KILLINGS) await kill(killing);
    // Start this only now: it writes to the same ledger, and the faults must not hit it. The next attempt is
    // a minute away.
    feedbackFunction = await startFeedbackFunction(services, options);
    await resendFunction.idle({ signal: AbortSignal.timeout(200_000) });
  }, 300_000);

  afterAll(async () => {
    await Promise.all([resendFunction.close(), feedbackFunction.close()]);
    await services.close();
  });

  async function kill({ id, at }: Killing): Promise<void> {
    const { aws, ses, dynamoDb } = services;
    const moment = momentOf();
    await aws.sqs.send(
      new SendMessageCommand({
        QueueUrl: aws.fallback.url,
        MessageBody: serialiseFallbackMessage(anEnvelope({ id })),
      }),
    );
    await moment;
    await resendFunction.kill();
    dynamoDb.heal();

    function momentOf(): Promise<unknown> {
      switch (at) {
        case 'claimed':
          dynamoDb.fault({ fault: { kind: 'silence', done: true }, on: { action: 'PutItem' } });
          return dynamoDb.arrival({ action: 'PutItem' }, SOON());
        case 'response received':
          dynamoDb.fault({ fault: { kind: 'silence', done: false }, on: { action: 'UpdateItem' } });
          return dynamoDb.arrival({ action: 'UpdateItem' }, SOON());
        default: {
          ses.fault({
            effect: { kind: 'silence', accepted: at === 'calling, accepted' },
            when: ({ submission }) => submission?.tags.deliveryId === id,
          });
          return ses.waitForCall(({ tags }) => tags?.deliveryId === id, { timeoutMs: 30_000 });
        }
      }
    }
  }

  it.each(KILLINGS)('$at, events arrive $events: SES accepts it $accepted times', ({ id, accepted }) => {
    const { ses } = services;

    expect(ses.mails.filter(({ tags }) => tags.deliveryId === id)).toHaveLength(accepted);
  });
});

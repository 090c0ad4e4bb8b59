import { describe, expect, it } from '@jest/globals';
import type { BounceEvent, SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import type { DeliveryScript } from '../../../lib/emulators/ses/simulate-delivery.ts';
import { HELLO, type RunningDouble, runDouble, send } from './running-double.ts';

const configurationSet = 'mail';

/** A short description of an event and its recipients. */
function summaryOf(event: SesEvent): string {
  switch (event.eventType) {
    case 'Delivery':
      return `Delivery ${event.delivery.recipients.join()}`;
    case 'DeliveryDelay':
      return `DeliveryDelay ${event.deliveryDelay.delayType} ${addresses(event.deliveryDelay.delayedRecipients)}`;
    case 'Bounce':
      return `Bounce ${event.bounce.bounceType}/${event.bounce.bounceSubType} ${addresses(event.bounce.bouncedRecipients)}`;
    case 'Complaint':
      return `Complaint ${event.complaint.complaintFeedbackType} ${addresses(event.complaint.complainedRecipients)}`;
    default:
      return event.eventType;
  }
}

function addresses(recipients: readonly { readonly emailAddress: string }[]): string {
  return recipients.map(({ emailAddress }) => emailAddress).join();
}

const historyOf = ({ double }: RunningDouble) => double.events.map(summaryOf);

describe('the events of a mail', () => {
  it('are Send, then a Delivery for each recipient', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await send(running, 'v1', { configurationSet, to: ['a@example.net', 'b@example.net'] });
    expect(historyOf(running)).toEqual(['Send', 'Delivery a@example.net', 'Delivery b@example.net']);
  });

  it('are not published without a configuration set, nor by one that does not publish', async () => {
    const running = await runDouble({ configurationSets: ['mail', 'quiet'] });
    running.double.account.configurationSets.set('quiet', { sendingEnabled: true, publishesEvents: false });
    await send(running, 'v1');
    await send(running, 'v1', { configurationSet: 'quiet' });
    expect(historyOf(running)).toEqual([]);
    running.double.account.configurationSets.set('quiet', { sendingEnabled: true });
    await send(running, 'v1', { configurationSet: 'quiet' });
    expect(historyOf(running)).toHaveLength(2);
  });

  it.each(['reset', 'silence', 'garbage'] as const)(
    'are published even if the response is lost: %s',
    async (kind) => {
      const running = await runDouble({ configurationSets: ['mail'] });
      running.double.fault({ effect: { kind, accepted: true } });
      const giveUp = new AbortController();
      const sending = send(running, 'v1', { configurationSet }, giveUp.signal).catch(() => undefined);
      await running.double.waitForEvent(({ eventType }) => eventType === 'Delivery');
      giveUp.abort();
      await sending;
      expect(historyOf(running)).toEqual(['Send', 'Delivery buyer@example.net']);
    },
  );

  it('are not published for what was not accepted', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.fault({ effect: { kind: 'reset', accepted: false } });
    await send(running, 'v1', { configurationSet }).catch(() => undefined);
    await running.double.eventsSettled();
    expect(historyOf(running)).toEqual([]);
  });

  it('have ascending times', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status(() => ({ kind: 'delayed-then-delivered' }));
    await send(running, 'v1', { configurationSet });
    const times = running.double.events.map((event) => {
      if (event.eventType === 'DeliveryDelay') return event.deliveryDelay.timestamp;
      return event.eventType === 'Delivery' ? event.delivery.timestamp : event.mail.timestamp;
    });
    expect(times).toEqual([...new Set(times)].sort());
    expect(times).toHaveLength(3);
  });
});

describe('the mailbox simulator', () => {
  it.each([
    ['success', ['Delivery success+1@simulator.amazonses.com']],
    ['ooto', ['Delivery ooto+1@simulator.amazonses.com']],
    ['bounce', ['Bounce Permanent/General bounce+1@simulator.amazonses.com']],
    ['suppressionlist', ['Bounce Permanent/Suppressed suppressionlist+1@simulator.amazonses.com']],
    [
      'complaint',
      ['Delivery complaint+1@simulator.amazonses.com', 'Complaint abuse complaint+1@simulator.amazonses.com'],
    ],
  ])('simulates each mailbox: %s', async (mailbox, events) => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await send(running, 'v1', { configurationSet, to: [`${mailbox}+1@simulator.amazonses.com`] });
    await send(running, 'v1', { configurationSet, to: [`${mailbox}@simulator.amazonses.com`] });
    const unlabelled = events.map((text) => text.replace('+1', ''));
    expect(historyOf(running)).toEqual(['Send', ...events, 'Send', ...unlabelled]);
  });

  it('bounces a mail with an unknown user, like a server', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await send(running, 'v1', { configurationSet, to: ['bounce@simulator.amazonses.com'] });
    const bounce = await running.double.waitForEvent(
      (event): event is BounceEvent => event.eventType === 'Bounce',
    );
    expect(bounce).toMatchObject({
      bounce: {
        bouncedRecipients: [{ status: '5.1.1', diagnosticCode: expect.stringMatching(/^smtp; 550/) }],
      },
    });
  });

  it('reports several bounces of one mail in one event', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await send(running, 'v1', {
      configurationSet,
      to: ['bounce+1@simulator.amazonses.com', 'a@example.net', 'bounce+2@simulator.amazonses.com'],
    });
    expect(historyOf(running)).toEqual([
      'Send',
      'Bounce Permanent/General bounce+1@simulator.amazonses.com,bounce+2@simulator.amazonses.com',
      'Delivery a@example.net',
    ]);
  });
});

describe('a script', () => {
  const CASES: [DeliveryScript, string[]][] = [
    [{ kind: 'delivered' }, ['Delivery']],
    [{ kind: 'hard-bounce', subType: 'NoEmail' }, ['Bounce Permanent/NoEmail']],
    [{ kind: 'soft-bounce', subType: 'MailboxFull' }, ['Bounce Transient/MailboxFull']],
    [{ kind: 'undetermined-bounce' }, ['Bounce Undetermined/Undetermined']],
    [{ kind: 'delayed-then-delivered', delayType: 'MailboxFull' }, ['DeliveryDelay MailboxFull', 'Delivery']],
    [{ kind: 'delivered-then-bounced' }, ['Delivery', 'Bounce Permanent/General']],
    [{ kind: 'complaint' }, ['Delivery', 'Complaint abuse']],
    [{ kind: 'complaint', subType: 'OnAccountSuppressionList' }, ['Complaint abuse']],
    [{ kind: 'silence' }, []],
  ];
  it.each(CASES)('decides the events of a mail: %j', async (status, events) => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status((_mail, recipient) => (recipient.startsWith('a@') ? status : undefined));
    await send(running, 'v1', { configurationSet, to: ['a@example.net', 'b@example.net'] });
    const expected = [...events.map((text) => `${text} a@example.net`), 'Delivery b@example.net'];
    expect(historyOf(running)).toEqual(['Send', ...expected]);
  });

  it('may reject the whole mail for a virus', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status((mail) => (mail.raw.includes('virus') ? { kind: 'rejected' } : undefined));
    const to = ['a@example.net', 'b@example.net'];
    await send(running, 'v1', { configurationSet, to, raw: `${HELLO}virus` });
    await send(running, 'v1', { configurationSet, to: ['a@example.net'] });
    expect(historyOf(running)).toEqual(['Send', 'Reject', 'Send', 'Delivery a@example.net']);
  });

  it('may let a template fail, so that nothing is sent', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status(() => ({ kind: 'rendering-failure' }));
    await send(running, 'v1', { configurationSet });
    expect(historyOf(running)).toEqual(['Rendering Failure']);
  });
});

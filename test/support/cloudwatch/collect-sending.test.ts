import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventMail, SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import { SendingCollector } from './collect-sending.ts';
import type { Observation } from './metric-store.ts';

describe('the metrics of SES', () => {
  let seen: Observation[];
  let collector: SendingCollector;

  beforeEach(() => {
    seen = [];
    collector = new SendingCollector((observation) => seen.push(observation));
  });

  function rates(): Record<string, number | undefined> {
    seen.length = 0;
    collector.sample(0);
    return Object.fromEntries(seen.map(({ name, values }) => [name, values[0]]));
  }

  it('count by recipient', () => {
    collector.told({ eventType: 'Send', mail: mail('a', 3), send: {} });

    expect(seen).toEqual([expect.objectContaining({ namespace: 'AWS/SES', name: 'Send', values: [3] })]);
  });

  it('begin with an account in good standing', () => {
    expect(rates()).toEqual({ 'Reputation.BounceRate': 0.005, 'Reputation.ComplaintRate': 0 });
  });

  it('are the share of hard bounces in the last thousand mails, without older ones', () => {
    for (let index = 0; index < 1000; index += 1) {
      collector.told({ eventType: 'Send', mail: mail(`m${index}`), send: {} });
      if (index % 10 === 0) collector.told(bounce(`m${index}`, 'Permanent'));
      if (index % 10 === 1) collector.told(bounce(`m${index}`, 'Transient'));
    }
    expect(rates()['Reputation.BounceRate']).toBe(0.1);

    for (let index = 0; index < 500; index += 1) {
      collector.told({ eventType: 'Send', mail: mail(`n${index}`), send: {} });
    }
    expect(rates()['Reputation.BounceRate']).toBe(0.05);
  });

  it('count no mail twice, and none that is too old', () => {
    collector.told({ eventType: 'Send', mail: mail('a'), send: {} });
    collector.told(bounce('a', 'Permanent'));
    collector.told(bounce('a', 'Permanent'));
    collector.told(bounce('long ago', 'Permanent'));

    // It has replaced one of the earlier bounces.
    expect(rates()['Reputation.BounceRate']).toBe(0.005);
  });
});

function mail(messageId: string, recipients = 1): EventMail {
  const destination = Array.from({ length: recipients }, (_, index) => `buyer${index}@example.org`);
  return {
    timestamp: '2026-01-14T09:00:00.000Z',
    source: 'support@keybuzz.io',
    sourceArn: 'arn:aws:ses:eu-west-1:123456789012:identity/keybuzz.io',
    sendingAccountId: '123456789012',
    messageId,
    destination,
    headersTruncated: false,
    tags: {},
  };
}

function bounce(messageId: string, bounceType: 'Permanent' | 'Transient'): SesEvent {
  return {
    eventType: 'Bounce',
    mail: mail(messageId),
    bounce: {
      bounceType,
      bounceSubType: 'General',
      bouncedRecipients: [{ emailAddress: 'buyer0@example.org' }],
      timestamp: '2026-01-14T09:00:01.000Z',
      feedbackId: 'feedback',
    },
  };
}

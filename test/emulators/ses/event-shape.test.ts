import { describe, expect, it } from '@jest/globals';
import type { SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import type { DeliveryScript } from '../../../lib/emulators/ses/simulate-delivery.ts';
import { HELLO, type RunningDouble, runDouble, send } from './running-double.ts';

/** A type in the terms of the documentation, or the fields of an object. */
type Shape = 'string' | 'number' | 'boolean' | 'time' | 'nothing' | Fields | readonly [Shape];

/** A `?` after a name: according to the documentation or its examples, the field may be absent. */
interface Fields {
  readonly [field: string]: Shape;
}

const MAIL: Fields = {
  timestamp: 'time',
  source: 'string',
  sourceArn: 'string',
  sendingAccountId: 'string',
  messageId: 'string',
  destination: ['string'],
  headersTruncated: 'boolean',
  'headers?': [{ name: 'string', value: 'string' }],
  'commonHeaders?': {
    'from?': ['string'],
    'to?': ['string'],
    'cc?': ['string'],
    'replyTo?': ['string'],
    'date?': 'string',
    messageId: 'string',
    'subject?': 'string',
  },
  tags: {
    'ses:operation': ['string'],
    'ses:configuration-set': ['string'],
    'ses:source-ip': ['string'],
    'ses:from-domain': ['string'],
    'ses:caller-identity': ['string'],
    'ses:outgoing-ip?': ['string'],
    'deliveryId?': ['string'],
  },
};

/**
 * The object of each type of event, from
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
const OBJECTS: Readonly<Record<SesEvent['eventType'], readonly [name: string, fields: Fields]>> = {
  Send: ['send', {}],
  Delivery: [
    'delivery',
    {
      timestamp: 'time',
      processingTimeMillis: 'number',
      recipients: ['string'],
      smtpResponse: 'string',
      reportingMTA: 'string',
    },
  ],
  DeliveryDelay: [
    'deliveryDelay',
    {
      timestamp: 'time',
      delayType: 'string',
      expirationTime: 'time',
      delayedRecipients: [{ emailAddress: 'string', status: 'string', diagnosticCode: 'string' }],
      'reportingMTA?': 'string',
    },
  ],
  Bounce: [
    'bounce',
    {
      bounceType: 'string',
      bounceSubType: 'string',
      bouncedRecipients: [
        { emailAddress: 'string', 'action?': 'string', 'status?': 'string', 'diagnosticCode?': 'string' },
      ],
      timestamp: 'time',
      feedbackId: 'string',
      'reportingMTA?': 'string',
    },
  ],
  Complaint: [
    'complaint',
    {
      complainedRecipients: [{ emailAddress: 'string' }],
      timestamp: 'time',
      feedbackId: 'string',
      complaintSubType: 'nothing',
      'userAgent?': 'string',
      'complaintFeedbackType?': 'string',
      'arrivalDate?': 'time',
    },
  ],
  Reject: ['reject', { reason: 'string' }],
  'Rendering Failure': ['failure', { templateName: 'string', errorMessage: 'string' }],
};

const FATES: readonly DeliveryScript[] = [
  { kind: 'delivered' },
  { kind: 'delayed-then-delivered' },
  { kind: 'hard-bounce' },
  { kind: 'undetermined-bounce' },
  { kind: 'complaint' },
  { kind: 'rejected' },
  { kind: 'rendering-failure' },
];

describe('the events', () => {
  it.each(FATES)('are of the documented shape: $kind', async (status) => {
    const events = await eventsOf(await runDouble({ configurationSets: ['mail'] }), status);
    for (const event of events) {
      const [name, fields] = OBJECTS[event.eventType];
      const shape = { eventType: 'string', mail: MAIL, [name]: fields } as const;
      expect(differences(event, shape)).toEqual([]);
    }
    expect(events.length).toBeGreaterThan(0);
  });

  it('cover every type', async () => {
    const running = await runDouble({ configurationSets: ['mail'], maxSendRate: 100 });
    for (const status of FATES) await eventsOf(running, status);
    const types = new Set(running.double.events.map(({ eventType }) => eventType));
    expect([...types].sort()).toEqual(Object.keys(OBJECTS).sort());
  });

  it.each([
    ['v1', 'SendRawEmail'],
    ['v2', 'SendEmail'],
  ] as const)('describe a mail that was sent by %s', async (api, operation) => {
    const at = new Date('2026-03-01T12:00:00Z');
    const running = await runDouble({ configurationSets: ['mail'], clock: { now: () => at } });
    const messageId = await send(running, api, {
      source: 'bounce@mail.example.org',
      to: ['buyer@example.net', 'Second <second@example.net>'],
      tags: { deliveryId: '0190-ab', part: '0' },
      configurationSet: 'mail',
      raw: `Message-ID: <own@example.org>\r\nCc: "Doe, Jane" <jane@example.net>, joe@example.net\r\n${HELLO}`,
    });
    expect(running.double.events[0]?.mail).toEqual({
      timestamp: '2026-03-01T12:00:00.000Z',
      source: 'bounce@mail.example.org',
      sourceArn: 'arn:aws:ses:eu-west-1:000000000000:identity/example.org',
      sendingAccountId: '000000000000',
      messageId,
      destination: ['buyer@example.net', 'second@example.net'],
      headersTruncated: false,
      headers: [
        { name: 'Message-ID', value: '<own@example.org>' },
        { name: 'Cc', value: '"Doe, Jane" <jane@example.net>, joe@example.net' },
        { name: 'From', value: 'Shop <shop@example.org>' },
        { name: 'To', value: 'buyer@example.net' },
        { name: 'Subject', value: 'Hello' },
      ],
      commonHeaders: {
        from: ['Shop <shop@example.org>'],
        to: ['buyer@example.net'],
        cc: ['Doe, Jane <jane@example.net>', 'joe@example.net'],
        messageId: '<own@example.org>',
        subject: 'Hello',
      },
      tags: {
        'ses:operation': [operation],
        'ses:configuration-set': ['mail'],
        'ses:source-ip': ['192.0.2.10'],
        'ses:from-domain': ['mail.example.org'],
        'ses:caller-identity': ['local'],
        deliveryId: ['0190-ab'],
        part: ['0'],
      },
    });
  });

  it('omit the headers past 10 KB, and report it', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    const raw = HELLO.replace(
      '\r\n\r\n',
      `\r\nX-Long: ${`${'x'.repeat(900)}\r\n `.repeat(12)}x\r\nX-Last: y\r\n\r\n`,
    );
    await send(running, 'v1', { raw, configurationSet: 'mail' });
    const mail = running.double.events[0]?.mail;
    expect(mail?.headersTruncated).toBe(true);
    expect(mail?.headers?.map(({ name }) => name)).toEqual(['From', 'To', 'Subject']);
  });

  it('survive serialisation as JSON', async () => {
    const events = await eventsOf(await runDouble({ configurationSets: ['mail'] }), { kind: 'complaint' });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });
});

async function eventsOf(running: RunningDouble, status: DeliveryScript): Promise<SesEvent[]> {
  const { double } = running;
  double.status(() => status);
  const before = double.events.length;
  // each to another address, because a mail to one that bounced is suppressed
  await send(running, 'v1', {
    to: [`${status.kind}@example.net`],
    configurationSet: 'mail',
    tags: { deliveryId: '0190-ab' },
  });
  return double.events.slice(before);
}

/** The deviations of a value from the shape: fields that are missing, of another type or not documented. */
function differences(value: unknown, shape: Shape, path = ''): string[] {
  if (typeof shape === 'string') return isOf(value, shape) ? [] : [`${path} is no ${shape}`];
  if (isList(shape)) {
    if (!Array.isArray(value) || value.length === 0) return [`${path} is no list, or an empty one`];
    return value.flatMap((element, index) => differences(element, shape[0], `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  const required = Object.keys(shape).filter((name) => !name.endsWith('?'));
  const missing = required.filter((name) => !(name in value)).map((name) => `${path}.${name} is missing`);
  const others = Object.entries(value).flatMap(([name, field]) => {
    const expected = shape[name] ?? shape[`${name}?`];
    return expected === undefined
      ? [`${path}.${name} is not documented`]
      : differences(field, expected, `${path}.${name}`);
  });
  return [...missing, ...others];
}

function isList(shape: Fields | readonly [Shape]): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function isOf(value: unknown, type: Extract<Shape, string>): boolean {
  if (type === 'nothing') return value === null;
  if (type !== 'time') return typeof value === type;
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
}

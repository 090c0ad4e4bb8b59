import { randomBytes } from 'node:crypto';
import type { Fault } from '../ses/fault.ts';
import type { SmtpBehaviour } from '../smtp/smtp-behaviour.ts';
import type { OutboundRow } from './outbound-rows.ts';

/** One part of the demo: how the servers behave, and which mails the API sends during it. */
export interface Scene {
  readonly title: string;
  /** How mail-core behaves; healthy if empty. */
  readonly smtp: readonly SmtpBehaviour[];
  /** Faults of SES. */
  readonly ses?: readonly Fault[];
  readonly rows: readonly OutboundRow[];
}

const FROM = 'KeyBuzz <support@keybuzz.io>';

/** An address of SES's mailbox simulator that always bounces. */
const GONE = 'bounce@simulator.amazonses.com';

/** A GIF with a single transparent pixel. */
const PIXEL = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

/** A one-time code in the API's original format: four fields in the trace. */
function code(id: string, digits: string): OutboundRow {
  return {
    id,
    tenantId: 'shop-a',
    priority: 10,
    targetAddress: 'marie@example.org',
    deliveryTrace: { fromAddress: FROM, emailSubject: 'Your code', emailBody: `Your code is ${digits}.` },
  };
}

/** A text mail in the column for complete messages. */
function text(id: string, to: string, subject: string, body: string): OutboundRow {
  return { id, tenantId: 'shop-b', mail: { from: FROM, to, subject, text: body } };
}

export const SCENES: readonly Scene[] = [
  {
    title: 'All is well: mail-core takes what the API sends',
    smtp: [],
    rows: [
      code('otp-1', '204 816'),
      {
        id: 'reply-1',
        tenantId: 'shop-b',
        mail: {
          from: FROM,
          to: 'Jörg Müller <joerg@bücher.example>',
          subject: 'Re: Bestellung №5 📦',
          inReplyTo: '<order-5@shop.example>',
          references: '<order-5@shop.example>',
          text: 'Sie ist unterwegs.\n..mit Punkten am Anfang',
        },
      },
    ],
  },
  {
    title: 'mail-core is down: connection refused',
    smtp: [{ kind: 'refused' }],
    rows: [
      code('otp-2', '731 402'),
      {
        id: 'reply-2',
        tenantId: 'shop-b',
        mail: {
          from: FROM,
          to: 'paul@example.org',
          bcc: 'audit@keybuzz.io',
          subject: 'Votre commande',
          html: '<p>En route. <img src="cid:logo@keybuzz.io"></p>',
          attachments: [{ filename: 'logo.gif', cid: 'logo@keybuzz.io', content: PIXEL }],
          headers: { 'List-Unsubscribe': '<https://keybuzz.io/unsubscribe/2>' },
        },
      },
    ],
  },
  {
    title: 'mail-core accepts connections and never greets',
    smtp: [{ kind: 'blackhole' }],
    rows: [text('invite-1', 'nina@example.org', 'Join us', 'You are invited.')],
  },
  {
    title: 'mail-core shows a certificate that is not trusted',
    smtp: [{ kind: 'certificate', flaw: 'expired' }],
    rows: [text('alert-1', 'ops@example.org', 'Stock is low', '3 left')],
  },
  {
    title: 'mail-core denies relaying',
    smtp: [{ kind: 'relay-denied' }],
    rows: [text('bill-1', 'accounts@example.org', 'Invoice', '12.00 EUR')],
  },
  {
    title: 'The connection breaks after the final dot: it is unknown whether it was accepted',
    smtp: [{ kind: 'break', at: 'final-dot', by: 'reset' }],
    rows: [text('reply-3', 'olga@example.org', 'Re: Size', 'M.')],
  },
  {
    title: 'One of three recipients is refused',
    smtp: [
      { kind: 'recipients-refused', replies: { 'kim@example.org': '451 4.7.1 Greylisted, try again later' } },
    ],
    rows: [
      {
        id: 'news-1',
        tenantId: 'shop-a',
        mail: {
          from: FROM,
          to: ['lea@example.org', 'kim@example.org'],
          cc: 'max@example.org',
          subject: 'News',
          text: 'We have moved.',
        },
      },
    ],
  },
  {
    title: 'A large attachment goes by S3 and the v2 API',
    smtp: [{ kind: 'size-limit', bytes: 10_000_000, advertised: true }],
    rows: [
      {
        id: 'bill-2',
        tenantId: 'shop-a',
        mail: {
          from: FROM,
          to: 'accounts@example.org',
          subject: 'A year of invoices',
          text: 'Attached.',
          attachments: [{ filename: 'invoices.zip', content: randomBytes(9_000_000).toString('base64') }],
        },
      },
    ],
  },
  {
    title: 'mail-core is down, and SES is throttling and then breaks',
    smtp: [{ kind: 'refused' }],
    ses: [{ effect: { kind: 'throttling' } }, { effect: { kind: 'server-error', status: 503 } }],
    rows: [code('otp-3', '118 530')],
  },
  {
    title: 'SES takes a mail, and the connection breaks before it answers',
    smtp: [{ kind: 'refused' }],
    ses: [{ effect: { kind: 'reset', accepted: true } }],
    rows: [code('otp-5', '551 702')],
  },
  {
    title: 'mail-core is down, and a buyer has mistyped the address',
    smtp: [{ kind: 'refused' }],
    rows: [{ ...text('reply-4', GONE, 'Re: Size', 'L.'), end: 'bounced' }],
  },
  {
    title: 'The next mail to that address is not sent: it would only harm the reputation',
    smtp: [{ kind: 'refused' }],
    rows: [{ ...text('reply-5', GONE, 'Re: Size', 'Or XL?'), end: 'suppressed' }],
  },
  {
    title: 'mail-core is back',
    smtp: [],
    rows: [code('otp-4', '990 017')],
  },
];

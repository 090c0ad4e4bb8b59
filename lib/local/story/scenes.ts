import { randomBytes } from 'node:crypto';
import type { Mail } from '../../mailer/mailer.ts';
import type { Fault } from '../ses/fault.ts';
import type { SmtpBehaviour } from '../smtp/smtp-behaviour.ts';

/** One part of the story: how the servers behave, and which mails the API sends meanwhile. */
export interface Scene {
  readonly title: string;
  /** How mail-core behaves; healthy where nothing is named. */
  readonly smtp: readonly SmtpBehaviour[];
  /** What goes wrong at SES meanwhile. */
  readonly ses?: readonly Fault[];
  readonly mails: readonly Mail[];
}

const FROM = 'KeyBuzz <support@keybuzz.io>';

/** The smallest picture that is one: a single transparent pixel. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

export const SCENES: readonly Scene[] = [
  {
    title: 'All is well: mail-core takes what the API sends',
    smtp: [],
    mails: [
      {
        id: 'otp-1',
        tenantId: 'shop-a',
        from: FROM,
        to: 'marie@example.org',
        subject: 'Your code',
        text: '204 816',
      },
      {
        id: 'reply-1',
        tenantId: 'shop-b',
        from: FROM,
        to: 'Jörg Müller <joerg@bücher.example>',
        subject: 'Re: Bestellung №5 📦',
        inReplyTo: '<order-5@shop.example>',
        references: '<order-5@shop.example>',
        text: 'Sie ist unterwegs.\n..mit Punkten am Anfang',
      },
    ],
  },
  {
    title: 'mail-core is down: connection refused',
    smtp: [{ kind: 'refused' }],
    mails: [
      {
        id: 'otp-2',
        tenantId: 'shop-a',
        from: FROM,
        to: 'marie@example.org',
        subject: 'Your code',
        text: '731 402',
      },
      {
        id: 'reply-2',
        tenantId: 'shop-b',
        from: FROM,
        to: 'paul@example.org',
        bcc: 'audit@keybuzz.io',
        subject: 'Votre commande',
        html: '<p>En route. <img src="cid:logo@keybuzz.io"></p>',
        attachments: [{ filename: 'logo.gif', cid: 'logo@keybuzz.io', content: PIXEL }],
        list: { unsubscribe: 'https://keybuzz.io/unsubscribe/2' },
      },
    ],
  },
  {
    title: 'mail-core accepts connections and never greets',
    smtp: [{ kind: 'blackhole' }],
    mails: [
      { id: 'invite-1', from: FROM, to: 'nina@example.org', subject: 'Join us', text: 'You are invited.' },
    ],
  },
  {
    title: 'mail-core shows a certificate that nobody trusts',
    smtp: [{ kind: 'certificate', flaw: 'expired' }],
    mails: [{ id: 'alert-1', from: FROM, to: 'ops@example.org', subject: 'Stock is low', text: '3 left' }],
  },
  {
    title: 'mail-core denies relaying',
    smtp: [{ kind: 'relay-denied' }],
    mails: [{ id: 'bill-1', from: FROM, to: 'accounts@example.org', subject: 'Invoice', text: '12.00 EUR' }],
  },
  {
    title: 'The connection breaks after the final dot: nobody knows if it was taken',
    smtp: [{ kind: 'break', at: 'final-dot', by: 'reset' }],
    mails: [
      {
        id: 'reply-3',
        tenantId: 'shop-b',
        from: FROM,
        to: 'olga@example.org',
        subject: 'Re: Size',
        text: 'M.',
      },
    ],
  },
  {
    title: 'One of three recipients is refused',
    smtp: [
      { kind: 'recipients-refused', replies: { 'kim@example.org': '451 4.7.1 Greylisted, try again later' } },
    ],
    mails: [
      {
        id: 'news-1',
        tenantId: 'shop-a',
        from: FROM,
        to: ['lea@example.org', 'kim@example.org'],
        cc: 'max@example.org',
        subject: 'News',
        text: 'We have moved.',
      },
    ],
  },
  {
    title: 'A large attachment goes by S3 and the v2 API',
    smtp: [{ kind: 'size-limit', bytes: 10_000_000, advertised: true }],
    mails: [
      {
        id: 'bill-2',
        tenantId: 'shop-a',
        from: FROM,
        to: 'accounts@example.org',
        subject: 'A year of invoices',
        text: 'Attached.',
        attachments: [{ filename: 'invoices.zip', content: randomBytes(9_000_000) }],
      },
    ],
  },
  {
    title: 'mail-core is down, and SES is throttling and then breaks',
    smtp: [{ kind: 'refused' }],
    ses: [{ effect: { kind: 'throttling' } }, { effect: { kind: 'server-error', status: 503 } }],
    mails: [
      {
        id: 'otp-3',
        tenantId: 'shop-a',
        from: FROM,
        to: 'marie@example.org',
        subject: 'Your code',
        text: '118 530',
      },
    ],
  },
  {
    title: 'mail-core is back',
    smtp: [],
    mails: [
      {
        id: 'otp-4',
        tenantId: 'shop-a',
        from: FROM,
        to: 'marie@example.org',
        subject: 'Your code',
        text: '990 017',
      },
    ],
  },
];

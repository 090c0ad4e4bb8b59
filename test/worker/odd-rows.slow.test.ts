import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toMail } from '../../lib/worker/process-claim.ts';
import type { OutboxRow } from '../support/outbox-database.ts';
import { type RowBench, startRowBench } from '../support/row-bench.ts';

let bench: RowBench;
beforeAll(async () => {
  bench = await startRowBench();
});
afterAll(() => bench.close());

const MAIL = { from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Your order', text: 'It left.' };

const TRACE = {
  fromAddress: 'support@keybuzz.io',
  replyToAddress: null,
  emailSubject: 'Your order',
  emailBody: 'It left.',
};

/** Claims the row as the worker does, and sends its mail. */
async function sendRow(row: OutboxRow) {
  const smtpBefore = bench.smtp.mails.length;
  await bench.database.insert({ target_address: 'marie@example.org', ...row });
  const [claim] = await bench.database.outbox().claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
  if (claim?.mail.kind === 'unreadable') return { detail: claim.mail.detail };
  if (claim?.mail.kind !== 'mail') throw new Error('no mail was claimed');
  const outcome = await bench.mailer.send(toMail(claim, claim.mail.fields, 1));
  return { outcome: outcome.kind, sent: bench.smtp.mails[smtpBefore], claim };
}

describe('a row with a trifle in its mail', () => {
  it.each<[string, OutboxRow]>([
    ['null fields', { mail: { ...MAIL, cc: null, replyTo: null, headers: null, attachments: null } }],
    ['empty addresses', { mail: { ...MAIL, cc: '', replyTo: '' } }],
    ['an empty reply address', { delivery_trace: { ...TRACE, replyToAddress: '' } }],
    ['a number as its subject', { delivery_trace: { ...TRACE, emailSubject: 4711 } }],
    ['numbers as headers', { mail: { ...MAIL, headers: { 'X-Priority': 1 } } }],
    ['a tab in its subject', { mail: { ...MAIL, subject: 'Your\torder\n' } }],
    [
      'a newline after its addresses',
      { mail: { ...MAIL, from: 'support@keybuzz.io\n', to: ' marie@example.org \n' } },
    ],
    ['a newline after its target address', { delivery_trace: TRACE, target_address: 'marie@example.org\n' }],
    [
      'undisclosed recipients',
      { mail: { ...MAIL, to: 'undisclosed-recipients:;', bcc: 'marie@example.org' } },
    ],
    [
      'a colon in the name of its sender',
      { mail: { ...MAIL, from: 'KeyBuzz: Support <support@keybuzz.io>' } },
    ],
    ['a tenant with a space and an umlaut', { mail: MAIL, tenant_id: 'Müller GmbH' }],
    ['a tenant of many characters', { mail: MAIL, tenant_id: 'x'.repeat(200) }],
  ])('is sent: %s', async (_trifle, row) => {
    const { outcome, sent, claim, detail } = await sendRow(row);

    expect(detail).toBeUndefined();
    expect(outcome).toBe('taken');
    expect(sent?.to).toEqual(['marie@example.org']);
    expect(sent?.from).toBe('support@keybuzz.io');
    expect(sent?.raw.toString()).toMatch(
      /^From: (?:"KeyBuzz: Support" <support@keybuzz\.io>|support@keybuzz\.io)\r$/m,
    );
    if (row.tenant_id !== undefined) expect(claim?.tenantId).toBe(row.tenant_id);
  });

  it.each<[string, OutboxRow, string]>([
    [
      'a header injection in its subject',
      { mail: { ...MAIL, subject: 'Your order\r\nBcc: eve@evil.example' } },
      'subject (Y***@evil.example): one line of text',
    ],
    [
      'a header injection in an address',
      { mail: { ...MAIL, to: 'marie@example.org\r\nBcc: eve@evil.example' } },
      'to (m***@evil.example): an address, with or without a name, on one line',
    ],
    [
      'body for text',
      { mail: { ...MAIL, text: null, body: 'It left.' } },
      'body: an unknown field, text was',
    ],
    ['no body at all', { delivery_trace: { ...TRACE, emailBody: '' } }, 'empty: true'],
  ])('is refused with its reason: %s', async (_reason, row, detail) => {
    expect((await sendRow(row)).detail).toContain(detail);
  });
});

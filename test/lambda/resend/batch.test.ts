import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { packMime } from '../../../lib/domain/content.ts';
import { compositionMark } from '../../../lib/domain/delivery.ts';
import type { MailContent } from '../../../lib/domain/fallback-message.ts';
import { aRecord, aRecordOf } from '../../support/a-record.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { useResendBench } from './resend-bench.ts';

describe('the resend Lambda', () => {
  const bench = useResendBench();

  it('resends the composed bytes to the pending recipients and acknowledges', async () => {
    const mime = mimeFrom('support@keybuzz.io');
    const envelope = anEnvelope({ id: 'reply-1', content: packMime(mime), tags: { kind: 'reply' } });

    const response = await bench.resend([aRecordOf(envelope)]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails).toHaveLength(1);
    expect(bench.ses.mails[0]).toMatchObject({
      source: 'support@keybuzz.io',
      recipients: ['marie@example.org'],
      tags: { kind: 'reply', deliveryId: 'reply-1', part: '0' },
    });
    expect(bench.ses.mails[0]?.raw.equals(mime)).toBe(true);
  });

  it('resends content from the bucket', async () => {
    const mime = mimeFrom('support@keybuzz.io', 'large');
    const sha256 = createHash('sha256').update(mime).digest('hex');
    await bench.storePayload('payloads/a/b', mime);

    await bench.resend([
      aRecordOf(anEnvelope({ content: { type: 's3', key: 'payloads/a/b', bytes: mime.length, sha256 } })),
    ]);

    expect(bench.ses.mails[0]?.raw.equals(mime)).toBe(true);
  });

  it('composes a structured mail, and drops its Bcc', async () => {
    const content: MailContent = {
      type: 'mail',
      from: 'KeyBuzz <support@keybuzz.io>',
      to: 'Jörg <joerg@example.org>',
      bcc: 'audit@keybuzz.io',
      subject: 'Votre commande №5',
      text: 'Bonjour',
      headers: { 'X-Campaign': 'spring', 'List-Unsubscribe': '<https://keybuzz.io/u/1>' },
      attachments: [{ filename: 'a.txt', content: Buffer.from('attached').toString('base64') }],
    };

    await bench.resend([
      aRecordOf(
        anEnvelope({
          content,
          envelope: { from: 'support@keybuzz.io', to: ['joerg@example.org', 'audit@keybuzz.io'] },
        }),
      ),
    ]);

    const text = bench.ses.mails[0]?.raw.toString() ?? '';
    expect(bench.ses.mails[0]?.recipients).toEqual(['joerg@example.org', 'audit@keybuzz.io']);
    expect(text).toMatch(/^X-Campaign: spring\r$/m);
    expect(text).toMatch(/^List-Unsubscribe: <https:\/\/keybuzz\.io\/u\/1>\r$/m);
    expect(text).toContain('YXR0YWNoZWQ=');
    expect(text).not.toMatch(/audit@|^bcc:/im);
  });

  it('postpones what may still succeed, longer after each failure', async () => {
    bench.ses.account.sendingEnabled = false;

    const first = aRecordOf(anEnvelope());
    const tenth = aRecordOf(anEnvelope(), { ApproximateReceiveCount: '10' });
    const response = await bench.resend([first, tenth]);

    expect(response.batchItemFailures).toEqual([
      { itemIdentifier: first.messageId },
      { itemIdentifier: tenth.messageId },
    ]);
    expect(bench.postponed).toEqual([
      { receiptHandle: first.receiptHandle, delaySeconds: 4 },
      { receiptHandle: tenth.receiptHandle, delaySeconds: 450 },
    ]);
    expect(await bench.parked()).toEqual([]);
  });

  it('keeps every mail while AWS has stopped the account', async () => {
    bench.ses.account.enforcementStatus = 'SHUTDOWN';
    const record = aRecordOf(anEnvelope());

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(await bench.parked()).toEqual([]);
    expect(bench.logged.join()).toContain('"cause":"sending-paused"');
  });

  it('composes a structured mail to the same bytes at every attempt, or the ledger would reject it', async () => {
    const envelope = anEnvelope({
      id: 'parts',
      content: { type: 'mail', from: 'support@keybuzz.io', text: 'Bonjour', html: '<p>Bonjour</p>' },
    });

    const toAnother = { ...envelope, envelope: { ...envelope.envelope, to: ['paul@example.org'] } };

    await bench.resend([aRecordOf(envelope), aRecordOf(toAnother)]);

    const [first, second] = bench.ses.mails;
    expect(first?.raw.toString()).toContain(
      `Message-ID: ${compositionMark('parts', 'support@keybuzz.io', new Date()).messageId}`,
    );
    expect(second?.raw.toString()).toBe(first?.raw.toString());
  });

  it('never lets one bad record fail others', async () => {
    bench.ses.fault({
      effect: { kind: 'throttling' },
      when: ({ submission }) => submission?.tags.deliveryId === 'throttled',
    });
    const records = [
      aRecordOf(anEnvelope({ id: 'good-1' })),
      aRecord('no envelope at all'),
      aRecordOf(anEnvelope({ id: 'throttled' })),
      aRecordOf(anEnvelope({ id: 'good-2' })),
    ];

    const response = await bench.resend(records);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: records[2]?.messageId }]);
    expect(bench.ses.mails.map(({ tags }) => tags.deliveryId).sort()).toEqual(['good-1', 'good-2']);
    expect(await bench.parked()).toHaveLength(1);
  });

  it.each([
    ['the bucket', () => bench.aws.fault({ fault: { kind: 'denied' }, on: { service: 's3' } })],
    [
      'the dead-letter queue',
      () => bench.aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } }),
    ],
  ])('keeps a message if %s cannot be reached', async (_name, breakIt) => {
    breakIt();
    const content = { type: 's3', key: 'payloads/none', bytes: 5, sha256: '0'.repeat(64) } as const;
    const record = aRecordOf(anEnvelope({ content }));

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(bench.postponed).toMatchObject([{ receiptHandle: record.receiptHandle }]);
  });

  it('releases with a short delay what it has no time for', async () => {
    const record = aRecordOf(anEnvelope());

    const response = await bench.resend([record], { hasTime: () => false });

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(bench.postponed).toEqual([{ receiptHandle: record.receiptHandle, delaySeconds: 2 }]);
    expect(bench.sends).toEqual([]);
  });

  it('logs the delivery id, but no body and no address', async () => {
    bench.ses.fault({
      effect: { kind: 'error', code: 'MessageRejected', message: 'No: marie@example.org', status: 400 },
    });

    await bench.resend([
      aRecordOf(anEnvelope({ id: 'logged-1' })),
      aRecordOf(anEnvelope({ id: 'logged-2' })),
      aRecord('To: marie@example.org'),
    ]);

    expect(bench.logged).toHaveLength(3);
    expect(bench.logged.join()).toContain('logged-1');
    expect(bench.logged.join()).toContain('logged-2');
    expect(bench.logged.join()).not.toMatch(/marie@|support@|on its way|Your order/);
  });
});

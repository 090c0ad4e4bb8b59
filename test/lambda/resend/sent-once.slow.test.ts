import { describe, expect, it } from '@jest/globals';
import { packMime } from '../../../lib/domain/content.ts';
import type { FallbackQueue } from '../../../lib/ports/queues.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { recipients, useResendBench } from './resend-bench.ts';

const DOWN = { kind: 'error', status: 500 } as const;

describe('one id, one send, on a real ledger', () => {
  const bench = useResendBench();

  it('acknowledges a redelivery of a sent mail, and reports it to the API again', async () => {
    const record = aRecordOf(anEnvelope({ id: 'again' }));
    await bench.resend([record]);

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails).toHaveLength(1);
    const [first, second] = await bench.told();
    const sesMessageId = bench.ses.mails[0]?.sesMessageId;
    expect(first).toMatchObject({
      id: 'again',
      tenantId: 'tenant-7',
      kind: 'sent',
      sesMessageId,
      messageId: `<${sesMessageId}@eu-west-1.amazonses.com>`,
      recipients: [{ address: 'marie@example.org' }],
    });
    expect(second).toEqual(first);
  });

  it('sends a message once if two functions receive it at the same instant, a thousand times', async () => {
    const quiet = { suppressions: { find: async () => new Map() }, receipts: { push: async () => [] } };
    const twice = async (index: number) => {
      const record = aRecordOf(anEnvelope({ id: `instant-${index}` }));
      const responses = await Promise.all([bench.resend([record], quiet), bench.resend([record], quiet)]);
      return responses.filter(({ batchItemFailures }) => batchItemFailures.length === 0).length;
    };
    const acknowledged: number[] = [];
    for (let start = 0; start < 1_000; start += 20) {
      acknowledged.push(
        ...(await Promise.all(Array.from({ length: 20 }, (_, index) => twice(start + index)))),
      );
    }

    const ids = bench.ses.mails.map(({ tags }) => tags.deliveryId);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids).toHaveLength(1_000);
    expect(Math.min(...acknowledged)).toBeGreaterThanOrEqual(1);
  });

  it('treats two ids with the same content as two mails', async () => {
    const content = packMime(mimeFrom('support@keybuzz.io'));

    await bench.resend([
      aRecordOf(anEnvelope({ id: 'one', content })),
      aRecordOf(anEnvelope({ id: 'other', content })),
    ]);

    expect(bench.ses.mails).toHaveLength(2);
  });

  it('dead-letters the same id with another content, with both hashes', async () => {
    const first = anEnvelope({ id: 'conflict', content: packMime(mimeFrom('support@keybuzz.io', 'one')) });
    await bench.resend([aRecordOf(first)]);

    await bench.resend([aRecordOf({ ...first, content: packMime(mimeFrom('support@keybuzz.io', 'two')) })]);

    expect(bench.ses.mails).toHaveLength(1);
    const [deadLetter] = await bench.parked();
    expect(deadLetter).toMatchObject({ cause: 'id-conflict', deliveryId: 'conflict' });
    expect(new Set(deadLetter?.detail?.match(/[0-9a-f]{64}/g)).size).toBe(2);
    expect((await bench.told()).map(({ kind, reason }) => [kind, reason])).toEqual([
      ['sent', undefined],
      ['failed', 'id-conflict'],
    ]);
  });

  it.each([
    ['down', { fault: DOWN }],
    ['throttling', { fault: { kind: 'throttle' } }],
  ] as const)('sends nothing while the ledger is %s, and continues when it is back', async (_name, rule) => {
    const record = aRecordOf(anEnvelope());
    bench.dynamoDb.fault({ ...rule, on: { action: 'PutItem' } });

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(bench.sends).toEqual([]);

    bench.dynamoDb.heal();
    expect((await bench.resend([record])).batchItemFailures).toEqual([]);
    expect(bench.ses.mails).toHaveLength(1);
  });

  it('does not resend a mail whose result could not be written to the ledger', async () => {
    const record = aRecordOf(anEnvelope());
    bench.dynamoDb.fault({ fault: DOWN, on: { action: 'UpdateItem' } });
    expect((await bench.resend([record])).batchItemFailures).toEqual([]);
    bench.dynamoDb.heal();

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toHaveLength(1);
    expect(bench.ses.mails).toHaveLength(1);
    expect(bench.logged.join()).toContain('"event":"not-recorded"');
  });

  it('keeps a mail whose receipt was not queued, and reports later without sending again', async () => {
    const record = aRecordOf(anEnvelope());
    bench.aws.fault({ fault: DOWN, on: { action: 'SendMessageBatch' } });
    expect((await bench.resend([record])).batchItemFailures).toHaveLength(1);
    expect(bench.ses.mails).toHaveLength(1);
    bench.aws.heal();

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails).toHaveLength(1);
    expect(await bench.told()).toMatchObject([{ kind: 'sent' }]);
  });

  it('dead-letters nothing before its receipt is queued', async () => {
    const record = aRecordOf(anEnvelope({ expiresAt: '2020-01-01T00:00:00.000Z' }));
    bench.aws.fault({ fault: DOWN, on: { action: 'SendMessageBatch' } });

    expect((await bench.resend([record])).batchItemFailures).toHaveLength(1);
    expect(await bench.parked()).toEqual([]);

    bench.aws.heal();
    expect((await bench.resend([record])).batchItemFailures).toEqual([]);
    expect(await bench.parked()).toMatchObject([{ cause: 'expired' }]);
    expect(await bench.told()).toMatchObject([{ kind: 'expired' }]);
  });

  it('does not dead-letter as expired what was sent in time', async () => {
    const envelope = anEnvelope({ expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await bench.resend([aRecordOf(envelope)]);
    const later = { now: () => new Date(Date.now() + 120_000) };

    const response = await bench.resend([aRecordOf(envelope)], { clock: later });

    expect(response.batchItemFailures).toEqual([]);
    expect(await bench.parked()).toEqual([]);
    expect((await bench.told()).map(({ kind }) => kind)).toEqual(['sent', 'sent']);
  });

  it('says of an expired mail that its result is unknown', async () => {
    const envelope = anEnvelope({ expiresAt: new Date(Date.now() + 60_000).toISOString() });
    bench.ses.fault({ effect: { kind: 'reset', accepted: false } });
    await bench.resend([aRecordOf(envelope)]);
    const inAnHour = { now: () => new Date(Date.now() + 3_700_000) };
    const soon = { now: () => new Date(Date.now() + 120_000) };

    expect((await bench.resend([aRecordOf(envelope)], { clock: soon })).batchItemFailures).toHaveLength(1);
    expect(await bench.parked()).toEqual([]);
    await bench.resend([aRecordOf(envelope)], { clock: inAnHour });

    expect(await bench.parked()).toMatchObject([
      { cause: 'expired', detail: expect.stringMatching(/ended without an answer/) },
    ]);
  });

  it('makes only one call, and waits, if the response of SES was lost', async () => {
    bench.ses.fault({ effect: { kind: 'reset', accepted: true } });
    const record = aRecordOf(anEnvelope());

    await bench.resend([record]);
    await bench.resend([record]);

    expect(bench.sends).toHaveLength(1);
    expect(bench.postponed).toHaveLength(2);
    expect(bench.postponed[0]?.delaySeconds).toBe(900);
  });

  it('is retried later after each receive, even if held, so that its receives last for the retention', async () => {
    const lost = { effect: { kind: 'reset', accepted: false }, times: 2 } as const;
    bench.ses.fault(lost);
    const envelope = anEnvelope();

    await bench.resend([aRecordOf(envelope, { ApproximateReceiveCount: '1' })], {
      eventWait: { leastMs: 1_000, defaultMs: 1_000, mostMs: 1_000 },
    });
    await bench.resend([aRecordOf(envelope, { ApproximateReceiveCount: '20' })], {
      eventWait: { leastMs: 60_000, defaultMs: 60_000, mostMs: 60_000 },
    });

    expect(bench.postponed.map(({ delaySeconds }) => delaySeconds)).toEqual([4, 450]);
  });

  it('reports and requeues the rest once, however often its receipts fail', async () => {
    const to = recipients(60);
    bench.ses.fault({
      effect: { kind: 'throttling' },
      when: () => bench.ses.mails.length === 1,
      times: Number.POSITIVE_INFINITY,
    });
    bench.aws.fault({ fault: DOWN, on: { action: 'SendMessageBatch' } });
    const record = aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }));
    const pushed: (readonly string[])[] = [];
    const queue: FallbackQueue = {
      push: async ({ envelope }) => {
        pushed.push(envelope.to);
        return 'queued';
      },
    };

    for (let attempts = 0; attempts < 3; attempts += 1) await bench.resend([record], { queue });
    expect(pushed).toEqual([]);

    bench.aws.heal();
    await bench.resend([record], { queue });
    expect(pushed).toEqual([to.slice(50)]);
    expect(bench.ses.mails.map((mail) => mail.recipients)).toEqual([to.slice(0, 50)]);
  });

  it('dead-letters a rejected recipient once, even if the rest cannot be requeued at first', async () => {
    bench.ses.fault({ effect: { kind: 'throttling' }, when: () => bench.ses.mails.length === 1, times: 9 });
    const to = ['jörg@example.org', ...recipients(60)];
    const record = aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }));
    const queue = { push: () => Promise.reject(new Error('down')) };

    await bench.resend([record], { queue });
    await bench.resend([record], { queue });
    expect(await bench.parked()).toEqual([]);
    await bench.resend([record]);

    expect((await bench.parked()).map(({ cause }) => cause)).toEqual(['needs-smtputf8']);
  });

  it('dead-letters what SQS is about to delete, even if the ledger does not respond', async () => {
    bench.dynamoDb.fault({ fault: DOWN });
    const thirteenDaysAgo = String(Date.now() - 13 * 24 * 3600 * 1000 - 1);

    const response = await bench.resend([aRecordOf(anEnvelope(), { SentTimestamp: thirteenDaysAgo })]);

    expect(response.batchItemFailures).toEqual([]);
    expect(await bench.parked()).toMatchObject([
      { cause: 'retention-ends', detail: expect.stringContaining('the ledger could not be asked') },
    ]);
  });

  it('accepts another content under an id if SES never had the first', async () => {
    const first = anEnvelope({ content: packMime(mimeFrom('support@keybuzz.io', 'one')) });
    const second = { ...first, content: packMime(mimeFrom('support@keybuzz.io', 'two')) };
    bench.ses.fault({ effect: { kind: 'throttling' } });
    await bench.resend([aRecordOf(first)]);

    await bench.resend([aRecordOf(second)]);
    await bench.resend([aRecordOf(first)]);

    expect(bench.ses.mails.map(({ raw }) => raw.toString().includes('two'))).toEqual([true]);
    expect(await bench.parked()).toMatchObject([{ cause: 'id-conflict' }]);
  });

  it('identifies a structured mail by its fields, regardless of what a later composer makes of them', async () => {
    const envelope = anEnvelope({ content: { type: 'mail', from: 'support@keybuzz.io', text: 'Hello' } });
    await bench.resend([aRecordOf(envelope)]);
    const composer = {
      compose: async () => ({ kind: 'mime' as const, mime: mimeFrom('support@keybuzz.io', 'other bytes') }),
    };

    const response = await bench.resend([aRecordOf(envelope)], {
      sources: { ...bench.deps.sources, composer: async () => composer },
    });

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails).toHaveLength(1);
    expect(await bench.parked()).toEqual([]);
  });
});

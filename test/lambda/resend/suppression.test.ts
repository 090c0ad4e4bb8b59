import { describe, expect, it } from '@jest/globals';
import { DynamoSuppressionReports } from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import type { SuppressionSignal } from '../../../lib/domain/suppression.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { useResendBench } from './resend-bench.ts';

describe('suppressed recipients of a mail', () => {
  const bench = useResendBench();

  function report(address: string, kind: SuppressionSignal['kind'], sesMessageId = 'ses-1'): Promise<void> {
    const reports = new DynamoSuppressionReports(bench.dynamoDb.client, {
      tableName: bench.dynamoDb.suppressionTable,
      timeoutMs: 5_000,
      policy: { softBounces: 3, windowDays: 7 },
    });
    return reports.report(address, { kind, at: new Date(), deliveryId: 'earlier', sesMessageId });
  }

  it('are dropped, in any header of the mail, and reported to the API', async () => {
    await report('gone@example.org', 'hard-bounce');
    await report('angry@example.org', 'complaint');
    const to = ['marie@example.org', 'Gone@Example.org', 'angry@example.org'];
    const content = {
      type: 'mail',
      from: 'support@keybuzz.io',
      to: 'marie@example.org',
      cc: 'Gone@Example.org',
      bcc: 'angry@example.org',
      text: 'Hello',
    } as const;

    const response = await bench.resend([
      aRecordOf(anEnvelope({ content, envelope: { from: 'support@keybuzz.io', to } })),
    ]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails.map((mail) => mail.recipients)).toEqual([['marie@example.org']]);
    const receipts = await bench.told();
    expect(receipts.map(({ kind, reason, recipients }) => [kind, reason, recipients[0]?.address])).toEqual([
      ['sent', undefined, 'marie@example.org'],
      ['suppressed', 'hard-bounce', 'Gone@example.org'],
      ['suppressed', 'complaint', 'angry@example.org'],
    ]);
  });

  it('leave a mail unsent if there is no other recipient', async () => {
    await report('lost@example.org', 'hard-bounce');

    const response = await bench.resend([
      aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to: ['lost@example.org'] } })),
    ]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.sends).toEqual([]);
    expect(await bench.parked()).toEqual([]);
    expect(await bench.told()).toMatchObject([{ kind: 'suppressed' }]);
  });

  it('get mail of an exempt tenant after only soft bounces', async () => {
    for (const sesMessageId of ['a', 'b', 'c']) await report('full@example.org', 'soft-bounce', sesMessageId);
    const record = () =>
      aRecordOf(
        anEnvelope({
          tenantId: 'passwords',
          envelope: { from: 'support@keybuzz.io', to: ['full@example.org'] },
        }),
      );

    await bench.resend([record()]);
    expect(bench.ses.mails).toEqual([]);
    await bench.resend([record()], { exemptTenants: ['passwords'] });
    expect(bench.ses.mails).toHaveLength(1);
  });

  it('cannot be read if the list does not respond: the mail waits', async () => {
    bench.dynamoDb.fault({ fault: { kind: 'error', status: 500 }, on: { action: 'BatchGetItem' } });
    const record = aRecordOf(anEnvelope());

    const response = await bench.resend([record]);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(bench.sends).toEqual([]);
  });
});

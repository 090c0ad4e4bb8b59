import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsReceiptQueue } from '../../../lib/adapters/sqs/sqs-receipt-queue.ts';
import { parseReceipt, type Receipt } from '../../../lib/domain/receipt.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { aReceipt } from '../../support/a-receipt.ts';
import { takeAll } from '../../support/queue-contents.ts';

const receipts = (count: number) =>
  Array.from({ length: count }, (_, index) => aReceipt(`mail-${index}`, 'sent', ['marie@example.org']));

/** The largest possible receipt: a server that responds with control characters for each recipient. */
const hugeReceipt = (id: string) =>
  aReceipt(id, 'bounced', [], {
    recipients: Array.from({ length: 100 }, (_, index) => ({
      address: `${'x'.repeat(60)}${index}@example.org`,
      smtpResponse: '\u0001'.repeat(1000),
    })),
  });

describe('the receipt queue', () => {
  let aws: SqsAndS3;
  let queue: LocalQueue;
  let receiptQueue: SqsReceiptQueue;

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = await aws.createQueue('receipts');
    receiptQueue = new SqsReceiptQueue(aws.sqs, queue.url, 5_000);
  });

  afterEach(() => aws.close());

  async function received(): Promise<Receipt[]> {
    return (await takeAll(aws, queue)).map(({ Body = '' }) => {
      const parsed = parseReceipt(Body);
      if (parsed.kind !== 'receipt') throw new Error(parsed.detail);
      return parsed.receipt;
    });
  }

  it('sends receipts in calls of ten, and delivers them unchanged', async () => {
    const pushed = receipts(21);

    expect(await receiptQueue.push(pushed)).toEqual([]);

    expect(aws.callsOf({ action: 'SendMessageBatch' })).toBe(3);
    const byId = (one: Receipt, other: Receipt) => (one.id < other.id ? -1 : 1);
    expect((await received()).sort(byId)).toEqual([...pushed].sort(byId));
  });

  it('is not called without receipts', async () => {
    expect(await receiptQueue.push([])).toEqual([]);

    expect(aws.callsOf({ service: 'sqs', action: 'SendMessageBatch' })).toBe(0);
  });

  it('sends large receipts in calls that SQS accepts', async () => {
    const ids = ['a', 'b', 'c'];

    expect(await receiptQueue.push(ids.map(hugeReceipt))).toEqual([]);

    expect((await received()).map(({ id }) => id).sort()).toEqual(ids);
    expect(aws.callsOf({ action: 'SendMessageBatch' })).toBeGreaterThan(1);
  });

  it('serves tenants fairly, by their groups', async () => {
    const { tenantId: _, ...anonymous } = aReceipt('nobody', 'sent', ['marie@example.org']);

    await receiptQueue.push([...receipts(1), anonymous]);

    const groups = (await takeAll(aws, queue)).map(({ Attributes }) => Attributes?.MessageGroupId);
    expect(groups.sort()).toEqual(['tenant-1', undefined]);
  });

  it('returns the tenant as the API calls it, in a group that SQS takes', async () => {
    const receipt = { ...aReceipt('mail', 'sent', ['marie@example.org']), tenantId: 'Müller GmbH' };

    await receiptQueue.push([receipt]);

    const [message] = await takeAll(aws, queue);
    expect(parseReceipt(message?.Body ?? '')).toEqual({ kind: 'receipt', receipt });
    expect(message?.Attributes?.MessageGroupId).toMatch(/^[\x21-\x7e]{1,128}$/);
  });

  it('returns only the receipts that SQS failed', async () => {
    const pushed = receipts(12);
    aws.fault({
      fault: { kind: 'part-failed', indices: [1] },
      on: { action: 'SendMessageBatch' },
      times: 2,
    });

    const unconfirmed = await receiptQueue.push(pushed);

    expect(unconfirmed.map(({ id }) => id).sort()).toEqual(['mail-1', 'mail-11']);
    expect(await received()).toHaveLength(10);
  });

  it('returns all receipts of a failed call, and never throws', async () => {
    const pushed = receipts(12);
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessageBatch' }, times: 1 });

    const unconfirmed = await receiptQueue.push(pushed);

    expect((await received()).length + unconfirmed.length).toBe(12);
    expect(unconfirmed.length).toBeGreaterThan(0);
  });

  it('returns receipts whose confirmation was lost', async () => {
    const pushed = receipts(2);
    aws.fault({ fault: { kind: 'silence', done: true }, on: { action: 'SendMessageBatch' } });
    const impatient = new SqsReceiptQueue(aws.sqs, queue.url, 200);

    expect(await impatient.push(pushed)).toEqual(pushed);
  });
});

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoLedger, DynamoStatusLedger } from '../../../lib/adapters/dynamodb/dynamo-ledger.ts';
import type { RecipientStatuses } from '../../../lib/domain/delivery-status.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { aNewPart, claimed } from './a-part.ts';

const SENT_AT = new Date('2026-03-01T10:00:00.250Z');

const BOUNCED: RecipientStatuses = {
  'marie@example.org': {
    kind: 'bounced',
    at: '2026-03-01T10:00:05.000Z',
    sesMessageId: '0102-a',
    smtpResponse: 'smtp; 550 5.1.1 no such user',
    enhancedStatus: '5.1.1',
    bounce: { type: 'Permanent', subType: 'General' },
    deliveredAt: '2026-03-01T10:00:02.000Z',
  },
  'paul@example.org': {
    kind: 'sent',
    at: '2026-03-01T10:00:00.250Z',
    sesMessageId: '0102-a',
  },
};

let aws: LocalDynamoDb;
let ledger: DynamoLedger;
let statuses: DynamoStatusLedger;

beforeAll(async () => {
  aws = await startDynamoDb();
  const options = { tableName: aws.ledgerTable, retentionDays: 90, timeoutMs: 10_000 };
  const clock = { now: () => SENT_AT };
  ledger = new DynamoLedger(aws.client, options, clock);
  statuses = new DynamoStatusLedger(aws.client, options, clock);
});
afterEach(() => aws.heal());
afterAll(() => aws.close());

const written = (
  deliveryId: string,
  overrides: Partial<Parameters<DynamoStatusLedger['write']>[0]> = {},
) => ({
  deliveryId,
  part: 0,
  sesMessageId: '0102-a',
  sentAt: SENT_AT,
  recipients: ['marie@example.org', 'paul@example.org'],
  statuses: BOUNCED,
  ...overrides,
});

describe('statuses', () => {
  it('are undefined for a send batch that is not in the ledger', async () => {
    expect(await statuses.read('unknown', 0)).toBeUndefined();
  });

  it('create a missing send batch', async () => {
    const { deliveryId } = aNewPart();
    const withGaps = Object.fromEntries(
      Object.entries(BOUNCED).map(([key, status]) => [key, { ...status, reason: undefined }]),
    );
    expect(await statuses.write(written(deliveryId, { statuses: withGaps }), 0)).toBe(true);
    expect(await statuses.read(deliveryId, 0)).toEqual({
      deliveryId,
      part: 0,
      state: 'sent',
      recipients: ['marie@example.org', 'paul@example.org'],
      sesMessageId: '0102-a',
      sentAt: SENT_AT,
      statuses: BOUNCED,
      fatesVersion: 1,
    });
  });

  it('mark a claimed send batch as sent, and keep the rest of it', async () => {
    const part = aNewPart({ recipients: ['marie@example.org', 'paul@example.org'] });
    await ledger.open(part);
    expect(await statuses.read(part.deliveryId, 0)).toMatchObject({
      state: 'sending',
      statuses: {},
      fatesVersion: 0,
    });
    expect(await statuses.write(written(part.deliveryId), 0)).toBe(true);
    expect(await statuses.read(part.deliveryId, 0)).toEqual({
      ...part,
      state: 'sent',
      sesMessageId: '0102-a',
      sentAt: SENT_AT,
      statuses: BOUNCED,
      fatesVersion: 1,
    });
  });

  it('are for all recipients that SES accepted, even if the send batch is claimed again for fewer', async () => {
    const part = aNewPart({ recipients: ['marie@example.org'] });
    await ledger.open(part);
    expect(await statuses.write(written(part.deliveryId), 0)).toBe(true);
    const recipients = ['marie@example.org', 'paul@example.org'];
    expect(await statuses.read(part.deliveryId, 0)).toMatchObject({ recipients });
    expect(await ledger.partsOf(part.deliveryId)).toMatchObject([{ state: 'sent', recipients }]);
  });

  it('do not count as written if others wrote them for fewer recipients', async () => {
    const { deliveryId } = aNewPart();
    await statuses.write(written(deliveryId, { statuses: {}, recipients: ['marie@example.org'] }), 0);
    expect(await statuses.write(written(deliveryId, { statuses: {} }), 0)).toBe(false);
  });

  it('keep the message id and the time written by the Lambda', async () => {
    const part = aNewPart();
    await ledger.open(part);
    const sentAt = new Date('2026-03-01T10:00:00.999Z');
    await ledger.settle(claimed(part), { kind: 'sent', sesMessageId: 'first', sentAt });
    await statuses.write(written(part.deliveryId), 0);
    expect(await statuses.read(part.deliveryId, 0)).toMatchObject({ sesMessageId: 'first', sentAt });
  });

  it('do not overwrite a newer version', async () => {
    const { deliveryId } = aNewPart();
    await statuses.write(written(deliveryId), 0);
    expect(await statuses.write(written(deliveryId, { statuses: {} }), 0)).toBe(false);
    expect(await statuses.write(written(deliveryId, { statuses: {} }), 2)).toBe(false);
    expect(await statuses.read(deliveryId, 0)).toMatchObject({ statuses: BOUNCED, fatesVersion: 1 });
    expect(await statuses.write(written(deliveryId, { statuses: {} }), 1)).toBe(true);
    const after = await statuses.read(deliveryId, 0);
    expect([after?.statuses, after?.fatesVersion]).toEqual([{}, 2]);
  });

  it('are all there in the end if many write concurrently and retry', async () => {
    const { deliveryId } = aNewPart();
    const keys = Array.from({ length: 8 }, (_, index) => `r${index}@example.org`);
    await Promise.all(
      keys.map(async (key) => {
        for (;;) {
          const before = await statuses.read(deliveryId, 0);
          const status = { kind: 'delivered', at: SENT_AT.toISOString() } as const;
          const all = { ...before?.statuses, [key]: status };
          if (await statuses.write(written(deliveryId, { statuses: all }), before?.fatesVersion ?? 0)) return;
        }
      }),
    );
    const after = await statuses.read(deliveryId, 0);
    expect(Object.keys(after?.statuses ?? {}).sort()).toEqual(keys);
    expect(after?.fatesVersion).toBe(8);
  });

  it('are recognised if the response was lost', async () => {
    const { deliveryId } = aNewPart();
    const lose = () =>
      aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'UpdateItem' }, times: 1 });
    lose();
    expect(await statuses.write(written(deliveryId), 0)).toBe(true);
    lose();
    expect(await statuses.write(written(deliveryId, { statuses: {} }), 0)).toBe(false);
    expect(await statuses.read(deliveryId, 0)).toMatchObject({ fatesVersion: 1 });
  });

  it('are reported by their key, without an address, if damaged', async () => {
    const { deliveryId } = aNewPart();
    const item = {
      id: `d#${deliveryId}`,
      part: 0,
      state: 'sent',
      fates: { 'marie@example.org': { kind: 'lost' } },
    };
    await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item: marshall(item) }));
    const failure = await statuses.read(deliveryId, 0).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'DamagedItemError' });
    expect(String(failure)).toContain(`part 0 of d#${deliveryId}`);
    expect(String(failure)).not.toContain('marie');
    // The resend Lambda, which needs only the state, is not blocked.
    expect(await ledger.partsOf(deliveryId)).toMatchObject([{ state: 'sent' }]);
  });
});

describe('the cost of a mail to one recipient', () => {
  it('is a write unit for each of claim, result and statuses, and a read unit for each read', async () => {
    const part = aNewPart({
      deliveryId: '018f6b1c-7d1e-7c3a-9e54-0242ac120002',
      tenantId: 'a-tenant-with-a-long-name-of-48-characters-in-all',
      recipients: ['a.recipient.with.a.long.name@a-long-domain.example.org'],
    });
    const [address = ''] = part.recipients;
    const sesMessageId = '0102019571f1f4a5-6a1d4f0e-1b2c-4d3e-8f90-abcdef012345-000000';
    const at = SENT_AT.toISOString();
    const status = {
      kind: 'delivered',
      at,
      sesMessageId,
      smtpResponse: '250 2.0.0 Ok: queued as 4Z',
      deliveredAt: at,
    };
    const steps = [
      () => ledger.partsOf(part.deliveryId),
      () => ledger.open(part),
      () => ledger.settle(claimed(part), { kind: 'sent', sesMessageId, sentAt: SENT_AT }),
      () => statuses.read(part.deliveryId, 0),
      () =>
        statuses.write(
          written(part.deliveryId, { sesMessageId, statuses: { [address]: status } as RecipientStatuses }),
          0,
        ),
    ];
    const costs: [number, number][] = [];
    for (const step of steps) {
      const before = aws.capacityUsed();
      await step();
      const after = aws.capacityUsed();
      costs.push([after.readUnits - before.readUnits, after.writeUnits - before.writeUnits]);
    }
    expect(costs).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
  });
});

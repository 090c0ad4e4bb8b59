import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoLedger, DynamoStatusLedger } from '../../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DAY_SECONDS } from '../../../lib/common/time.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import type { BatchResult, NewSendBatch } from '../../../lib/ports/ledger.ts';
import { aClaim, aNewPart, claimed } from './a-part.ts';

const NOW = new Date('2026-03-01T10:00:01Z');

let aws: LocalDynamoDb;
let now = NOW;
let ledger: DynamoLedger;
let statuses: DynamoStatusLedger;

beforeAll(async () => {
  aws = await startDynamoDb();
  const options = { tableName: aws.ledgerTable, retentionDays: 90, timeoutMs: 10_000 };
  const clock = { now: () => now };
  ledger = new DynamoLedger(aws.client, options, clock);
  statuses = new DynamoStatusLedger(aws.client, options, clock);
});
afterEach(() => {
  now = NOW;
  aws.heal();
});
afterAll(() => aws.close());

const SENT = { kind: 'sent', sesMessageId: '0102-a', sentAt: new Date('2026-03-01T10:00:02.500Z') } as const;

/** Marks a send batch as sent, the way an SES event does. */
const markSent = (
  { deliveryId, part }: Pick<NewSendBatch, 'deliveryId' | 'part'>,
  recipients = ['e@example.org'],
) => statuses.write({ deliveryId, part, sesMessageId: 'by-event', sentAt: NOW, recipients, statuses: {} }, 0);

async function opened(overrides: Partial<NewSendBatch> = {}): Promise<NewSendBatch> {
  const part = aNewPart(overrides);
  expect(await ledger.open(part)).toBe(true);
  return part;
}

async function onlyPartOf({ deliveryId }: { readonly deliveryId: string }) {
  const [part, ...others] = await ledger.partsOf(deliveryId);
  expect(others).toEqual([]);
  if (part === undefined) throw new Error('no such part');
  return part;
}

async function expiryOf({ deliveryId, part }: NewSendBatch): Promise<number> {
  const Key = marshall({ id: `d#${deliveryId}`, part });
  const { Item } = await aws.client.send(new GetItemCommand({ TableName: aws.ledgerTable, Key }));
  return Number(Item?.expires?.N);
}

describe('a first claim', () => {
  it('is stored as it was made', async () => {
    const part = await opened();
    expect(await onlyPartOf(part)).toEqual({ ...part, state: 'sending' });
  });

  it('is stored without a tenant', async () => {
    const part = await opened({ tenantId: undefined });
    expect(await onlyPartOf(part)).toEqual({ ...part, state: 'sending' });
  });

  it('succeeds for one of fifty concurrent attempts', async () => {
    const part = aNewPart();
    const claims = Array.from({ length: 50 }, () => aClaim());

    const outcomes = await Promise.all(claims.map((claim) => ledger.open({ ...part, claim })));

    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect((await onlyPartOf(part)).claim).toEqual(claims[outcomes.indexOf(true)]);
  });

  it('fails for a send batch that an event has written', async () => {
    const part = aNewPart();
    await markSent(part);
    expect(await ledger.open(part)).toBe(false);
    expect(await onlyPartOf(part)).toMatchObject({ state: 'sent', claim: undefined });
  });

  it('is recognised by its owner if the response was lost, and by no other', async () => {
    const part = aNewPart();
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'PutItem' }, times: 1 });
    expect(await ledger.open(part)).toBe(true);

    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'PutItem' }, times: 1 });
    expect(await ledger.open({ ...part, claim: aClaim() })).toBe(false);
  });

  it('separates the send batches of a delivery, in order, and deliveries from each other', async () => {
    const one = await opened({ part: 10 });
    await opened({ deliveryId: `${one.deliveryId}x` });
    await opened({ deliveryId: one.deliveryId, part: 2 });
    await opened({ deliveryId: one.deliveryId, part: 0 });
    const batches = await ledger.partsOf(one.deliveryId);
    expect(batches.map(({ part }) => part)).toEqual([0, 2, 10]);
    expect(await ledger.partsOf('unknown')).toEqual([]);
  });

  it('finds all send batches of a delivery that does not fit into one response of DynamoDB', async () => {
    const recipients = Array.from({ length: 50 }, (_, index) => `${'r'.repeat(290)}${index}@example.org`);
    const first = await opened({ recipients });
    for (let part = 1; part < 100; part += 1) await opened({ ...first, part });
    const batches = await ledger.partsOf(first.deliveryId);
    expect(batches.map(({ part }) => part)).toEqual(Array.from({ length: 100 }, (_, part) => part));
    expect(batches.at(-1)?.recipients).toEqual(recipients);
  });
});

describe('a claim that is made again', () => {
  const AGAIN: BatchResult[] = [{ kind: 'unknown', endedAt: NOW }, { kind: 'open' }, { kind: 'refused' }];

  it.each(AGAIN)('replaces the one that ended as $kind', async (result) => {
    const part = await opened({ recipients: ['a@example.org', 'b@example.org'] });
    await ledger.settle(claimed(part), result);
    const claim = aClaim();

    expect(await ledger.claimAgain(await onlyPartOf(part), ['b@example.org'], claim)).toBe(true);

    expect(await onlyPartOf(part)).toEqual({
      ...part,
      recipients: ['b@example.org'],
      claim,
      state: 'sending',
    });
  });

  it('succeeds for one of twenty concurrent attempts', async () => {
    const part = await opened();
    await ledger.settle(claimed(part), { kind: 'open' });
    const before = await onlyPartOf(part);
    const claims = Array.from({ length: 20 }, () => aClaim());

    const outcomes = await Promise.all(
      claims.map((claim) => ledger.claimAgain(before, part.recipients, claim)),
    );

    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect((await onlyPartOf(part)).claim).toEqual(claims[outcomes.indexOf(true)]);
  });

  it('takes over from a Lambda that was killed, once', async () => {
    const part = await opened();
    const before = await onlyPartOf(part);
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(true);
    // The state is the same, but the claim is a different one.
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(false);
  });

  it('fails if the send batch has changed since it was read', async () => {
    const part = await opened();
    const before = await onlyPartOf(part);
    await ledger.settle(claimed(part), { kind: 'open' });
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(false);
  });

  it('fails for a send batch that is sent', async () => {
    const part = await opened();
    const before = await onlyPartOf(part);
    await markSent(part);
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(false);
    expect(await ledger.claimAgain(await onlyPartOf(part), part.recipients, aClaim())).toBe(false);
  });

  it('keeps what events have written', async () => {
    const part = await opened();
    await ledger.settle(claimed(part), { kind: 'open' });
    const stored = { ...(await rawItem(part)), statuses: { M: {} }, fatesVersion: { N: '3' } };
    await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item: stored }));

    expect(await ledger.claimAgain(await onlyPartOf(part), part.recipients, aClaim())).toBe(true);

    expect(await statuses.read(part.deliveryId, 0)).toMatchObject({ fatesVersion: 3 });
  });

  it('is recognised by its owner if the response was lost', async () => {
    const part = await opened();
    const before = await onlyPartOf(part);
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'UpdateItem' }, times: 1 });
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(true);
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'UpdateItem' }, times: 1 });
    expect(await ledger.claimAgain(before, part.recipients, aClaim())).toBe(false);
  });

  it('is not recognised if an event has marked the send batch as sent in the meantime', async () => {
    const part = await opened();
    const before = await onlyPartOf(part);
    const claim = aClaim();
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'UpdateItem' }, times: 1 });
    aws.fault({ fault: { kind: 'slow', delayMs: 1000 }, on: { action: 'UpdateItem' }, times: 1 });
    const secondAttempt = aws
      .arrival({ action: 'UpdateItem' })
      .then(() => aws.arrival({ action: 'UpdateItem' }));

    const outcome = ledger.claimAgain(before, part.recipients, claim);
    await secondAttempt;
    const sent = { ...(await rawItem(part)), state: { S: 'sent' } };
    expect(sent).toMatchObject({ claim: { S: claim.token } });
    await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item: sent }));

    expect(await outcome).toBe(false);
  });
});

describe('the result of a claim', () => {
  it('is sent, with the message id and the time', async () => {
    const part = await opened();
    await ledger.settle(claimed(part), SENT);
    expect(await onlyPartOf(part)).toEqual({
      ...part,
      state: 'sent',
      sesMessageId: SENT.sesMessageId,
      sentAt: SENT.sentAt,
    });
  });

  it('is sent regardless of the current claim, and keeps the first message id', async () => {
    const part = await opened();
    await ledger.claimAgain(await onlyPartOf(part), part.recipients, aClaim());
    await ledger.settle(claimed(part), SENT);
    expect(await onlyPartOf(part)).toMatchObject({ state: 'sent', sesMessageId: SENT.sesMessageId });
    await ledger.settle(claimed(part), { kind: 'sent', sesMessageId: 'another', sentAt: NOW });
    expect(await onlyPartOf(part)).toMatchObject({ sesMessageId: SENT.sesMessageId, sentAt: SENT.sentAt });
  });

  it.each([{ kind: 'open' }, { kind: 'refused' }] as const)('is $kind', async (result) => {
    const part = await opened();
    await ledger.settle(claimed(part), result);
    expect(await onlyPartOf(part)).toEqual({ ...part, state: result.kind });
  });

  it('is unknown from when the call ended', async () => {
    const part = await opened();
    await ledger.settle(claimed(part), { kind: 'unknown', endedAt: NOW });
    expect(await onlyPartOf(part)).toEqual({
      ...part,
      state: 'unknown',
      claim: { ...part.claim, endsAt: NOW },
    });
  });

  const UNSENT: BatchResult[] = [{ kind: 'unknown', endedAt: NOW }, { kind: 'open' }, { kind: 'refused' }];

  it.each(UNSENT)('is not written as $kind if an event or another claim came before', async (result) => {
    const sent = await opened();
    await markSent(sent);
    await ledger.settle(claimed(sent), result);
    expect(await onlyPartOf(sent)).toMatchObject({ state: 'sent', claim: sent.claim });

    const part = await opened();
    const claim = aClaim();
    await ledger.claimAgain(await onlyPartOf(part), part.recipients, claim);
    await ledger.settle(claimed(part), result);
    expect(await onlyPartOf(part)).toMatchObject({ state: 'sending', claim });
  });
});

it('keeps a send batch for the retention period after its last write', async () => {
  const part = await opened();
  const first = NOW.getTime() / 1000 + 90 * DAY_SECONDS;
  expect(await expiryOf(part)).toBe(first);
  const steps = [
    () => ledger.settle(claimed(part), { kind: 'open' }),
    async () => ledger.claimAgain(await onlyPartOf(part), part.recipients, part.claim),
    () => ledger.settle(claimed(part), SENT),
    () => markSent(part),
  ];
  for (const [index, step] of steps.entries()) {
    now = new Date(NOW.getTime() + (index + 1) * 1000);
    await step();
    expect(await expiryOf(part)).toBe(first + index + 1);
  }
});

it('reports a damaged item by its key, without its content', async () => {
  const part = await opened({ recipients: ['secret@example.org'] });
  const item = {
    ...unmarshall(await rawItem(part)),
    state: 'secret@example.org',
    recipients: ['secret@example.org', 7],
  };
  await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item: marshall(item) }));

  const failure = await ledger.partsOf(part.deliveryId).catch((error: Error) => error);

  expect(failure).toMatchObject({ name: 'DamagedItemError', code: 'DamagedItem' });
  expect(String(failure)).toContain(`part 0 of d#${part.deliveryId}`);
  expect(String(failure)).toContain('recipients.1');
  expect(String(failure)).not.toContain('secret');
});

async function rawItem({ deliveryId, part }: NewSendBatch) {
  const Key = marshall({ id: `d#${deliveryId}`, part });
  const { Item } = await aws.client.send(new GetItemCommand({ TableName: aws.ledgerTable, Key }));
  return Item ?? {};
}

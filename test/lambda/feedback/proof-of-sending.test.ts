import { beforeEach, describe, expect, it } from '@jest/globals';
import { type FeedbackDeps, feedbackBatch } from '../../../lambda/feedback/batch.ts';
import type { BatchStatuses } from '../../../lib/ports/ledger.ts';
import { aRecord } from '../../support/a-record.ts';
import { aDelivery, aSend } from '../../support/an-event.ts';
import { FeedbackBench } from '../../support/feedback-bench.ts';

const marie = 'marie@example.org';
const paul = 'paul@example.org';
const both = [marie, paul];

/** A send batch in the state that the resend Lambda leaves it. */
const aPart = (state: BatchStatuses['state'], recipients: readonly string[] = both): BatchStatuses => ({
  deliveryId: 'reply-1',
  part: 0,
  recipients,
  state,
  statuses: {},
  fatesVersion: 0,
  ...(state === 'sent' ? { sesMessageId: 'ses-1', sentAt: new Date('2026-08-01T10:00:00.400Z') } : {}),
});

let bench: FeedbackBench;

beforeEach(() => {
  bench = new FeedbackBench();
});

const apply = (body: string, changed: Partial<FeedbackDeps> = {}) =>
  feedbackBatch([aRecord(body)], { ...bench.deps, ...changed });

const ledgerNow = () => bench.ledger.read('reply-1', 0);

describe('the proof that SES accepted a mail', () => {
  const receiptsAreDown: Partial<FeedbackDeps> = { receipts: { push: async (all) => all } };

  const befores = [
    { what: 'a call that may be in progress', before: aPart('sending'), found: 1 },
    { what: 'a call without a response', before: aPart('unknown'), found: 1 },
    { what: 'a send batch that is not in the ledger', before: undefined, found: 0 },
  ];

  it.each(befores)('is in the ledger before the API gets a receipt: $what', async ({ before }) => {
    if (before !== undefined) bench.ledger.put(before);
    const seen: (BatchStatuses | undefined)[] = [];
    const push: FeedbackDeps['receipts']['push'] = async (receipts) => {
      seen.push(await ledgerNow());
      return bench.deps.receipts.push(receipts);
    };

    await apply(aSend({ to: both }), { receipts: { push } });

    expect(seen).toMatchObject([{ state: 'sent', sesMessageId: 'ses-1', recipients: both }]);
    expect(seen[0]?.statuses).toEqual({});
  });

  it.each(befores)('does not wait for the queue of the receipts: $what', async ({ before, found }) => {
    if (before !== undefined) bench.ledger.put(before);

    expect((await apply(aSend({ to: both }), receiptsAreDown)).batchItemFailures).toHaveLength(1);

    expect(await ledgerNow()).toMatchObject({ state: 'sent', sesMessageId: 'ses-1', recipients: both });
    expect(bench.lines('unknown-outcome-resolved')).toHaveLength(found);
  });

  it.each(befores)('is reported once the receipt queue is back: $what', async ({ before, found }) => {
    if (before !== undefined) bench.ledger.put(before);
    await apply(aSend({ to: both }), receiptsAreDown);

    await apply(aSend({ to: both }));

    const sent = { kind: 'sent', sesMessageId: 'ses-1' };
    expect(bench.known).toMatchObject({ [marie]: sent, [paul]: sent });
    expect(await bench.statuses()).toMatchObject({ [marie]: sent, [paul]: sent });
    expect(bench.lines('unknown-outcome-resolved')).toHaveLength(found);
  });

  it('is not written again if SES responded', async () => {
    bench.ledger.put(aPart('sent'));

    await apply(aDelivery(marie, '2026-08-01T10:00:07.000Z', { to: both }));

    expect(bench.ledger.writes).toBe(1);
    expect(bench.receipts.map(({ kind }) => kind)).toEqual(['delivered']);
  });
});

describe('a send batch that was claimed again for fewer recipients', () => {
  it.each(['unknown', 'sent'] as const)('has all recipients for whom SES accepted it: %s', async (state) => {
    bench.ledger.put(aPart(state, ['Marie@example.org']));

    await apply(aSend({ to: both }));

    expect((await ledgerNow())?.recipients).toEqual(['Marie@example.org', paul]);
  });

  it('reports to the API only the recipients that the response of SES did not cover', async () => {
    bench.ledger.put(aPart('sent', [marie]));

    await apply(aSend({ to: both }));

    expect(Object.keys(bench.known)).toEqual([paul]);
  });

  it('keeps the recipients of its claim that are not in the event', async () => {
    bench.ledger.put(aPart('unknown'));

    await apply(aSend({ to: [paul] }));

    expect((await ledgerNow())?.recipients).toEqual(both);
  });
});

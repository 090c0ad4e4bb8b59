import { beforeEach, describe, expect, it } from '@jest/globals';
import { type FeedbackDeps, feedbackBatch } from '../../../lambda/feedback/batch.ts';
import { FEEDBACK_MAX_RETRY_SECONDS } from '../../../lambda/feedback/constants.ts';
import { countLatencies } from '../../../lib/domain/event-latency.ts';
import type { BatchState, BatchStatuses } from '../../../lib/ports/ledger.ts';
import { aRecord } from '../../support/a-record.ts';
import { aBounce, aComplaint, aDelay, aDelivery, anEvent, aSend } from '../../support/an-event.ts';
import { FeedbackBench } from '../../support/feedback-bench.ts';

const at = '2026-08-01T10:00:07.000Z';
const marie = 'marie@example.org';
const paul = 'paul@example.org';
const refused = async () => {
  throw Object.assign(new Error('no connection for marie@example.org'), { code: 'ECONNREFUSED' });
};

/** A send batch in the state that the resend Lambda leaves it. */
function aPart(state: BatchState, fields: Partial<BatchStatuses> = {}): BatchStatuses {
  const sent = { sesMessageId: 'ses-1', sentAt: new Date('2026-08-01T10:00:00.400Z') };
  return {
    deliveryId: 'reply-1',
    part: 0,
    tenantId: 'shop-1',
    recipients: [marie],
    state,
    statuses: {},
    fatesVersion: 0,
    ...(state === 'sent' ? sent : {}),
    ...fields,
  };
}

describe('the feedback Lambda', () => {
  let bench: FeedbackBench;

  const apply = (bodies: readonly string[], changed: Partial<FeedbackDeps> = {}) =>
    feedbackBatch(
      bodies.map((body) => aRecord(body)),
      { ...bench.deps, ...changed },
    );

  beforeEach(() => {
    bench = new FeedbackBench();
  });

  it('writes the status of a mail, and sends a receipt to the API', async () => {
    bench.ledger.put(aPart('sent', { recipients: ['Marie@example.org'] }));

    expect(await apply([aDelivery(marie, at)])).toEqual({ batchItemFailures: [] });

    expect(await bench.statuses()).toMatchObject({ [marie]: { kind: 'delivered', at } });
    expect(bench.receipts).toMatchObject([
      {
        id: 'reply-1',
        tenantId: 'shop-1',
        kind: 'delivered',
        at,
        messageId: '<ses-1@eu-west-1.amazonses.com>',
        recipients: [{ address: 'Marie@example.org', smtpResponse: '250 2.6.0 Message received' }],
      },
    ]);
    expect(bench.lines('event-applied')).toMatchObject([
      { deliveryId: 'reply-1', kinds: ['Delivery'], news: 1, receipts: 1 },
    ]);
  });

  it('records the addresses that SES delivered to, and no others', async () => {
    bench.ledger.put(aPart('sent', { recipients: [marie, paul] }));

    await apply([aDelivery(marie, at), aBounce(paul, at)]);

    expect(bench.delivered).toEqual([marie]);
  });

  it('ignores the Send event of a mail that is known to be sent: no write, no receipt', async () => {
    bench.ledger.put(aPart('sent'));

    await apply([aSend()]);

    expect(bench.ledger.writes).toBe(0);
    expect(bench.receipts).toEqual([]);
  });

  it('ignores a duplicate event', async () => {
    bench.ledger.put(aPart('unknown'));
    await apply([aSend(), aBounce(marie, at)]);
    const { writes } = bench.ledger;
    const receipts = [...bench.receipts];

    await apply([aBounce(marie, at), aSend(), aSend()]);

    expect(bench.ledger.writes).toBe(writes);
    expect(bench.receipts).toEqual(receipts);
  });

  it.each(['sending', 'unknown'] as const)('resolves an unknown result: %s', async (state) => {
    bench.ledger.put(aPart(state));

    await apply([aSend()]);

    expect(await bench.ledger.read('reply-1', 0)).toMatchObject({ state: 'sent', sesMessageId: 'ses-1' });
    expect(bench.known).toMatchObject({ [marie]: { kind: 'sent', sesMessageId: 'ses-1' } });
    expect(bench.lines('unknown-outcome-resolved')).toMatchObject([{ deliveryId: 'reply-1', state }]);
  });

  it('resolves it even if all statuses of the event are known', async () => {
    const sent = { kind: 'sent', at: '2026-08-01T10:00:00.000Z', sesMessageId: 'ses-1' } as const;
    bench.ledger.put(aPart('unknown', { statuses: { [marie]: sent }, fatesVersion: 1 }));

    await apply([aSend()]);

    expect((await bench.ledger.read('reply-1', 0))?.state).toBe('sent');
    expect(bench.receipts).toEqual([]);
  });

  it('resolves an unknown result by any event, for all recipients of the call', async () => {
    bench.ledger.put(aPart('unknown', { recipients: [marie, paul] }));

    await apply([aDelivery(marie, at, { to: [marie, paul] })]);

    expect(bench.known).toMatchObject({ [marie]: { kind: 'delivered' }, [paul]: { kind: 'sent' } });
    expect((await bench.ledger.read('reply-1', 0))?.state).toBe('sent');
  });

  it('applies events of a delivery that is not in the ledger', async () => {
    await apply([aDelivery(paul, at, { deliveryId: 'b64_strange', part: 7, to: [marie, paul] })]);

    expect(await bench.ledger.read('b64_strange', 7)).toMatchObject({
      state: 'sent',
      sesMessageId: 'ses-1',
      recipients: [marie, paul],
      statuses: { [marie]: { kind: 'sent' }, [paul]: { kind: 'delivered' } },
    });
    expect(bench.lines('unknown-outcome-resolved')).toEqual([]);
  });

  it('reports only the last of several statuses in a batch', async () => {
    bench.ledger.put(aPart('unknown'));

    await apply([aSend(), aDelay(marie, '2026-08-01T10:00:03.000Z'), aDelivery(marie, at)]);

    expect(bench.receipts.map(({ kind }) => kind)).toEqual(['delivered']);
  });

  it('keeps the time of a delivery even if a complaint came with it or before it', async () => {
    await apply([aComplaint(marie, '2026-08-01T11:00:00.000Z'), aDelivery(marie, at)]);
    expect(bench.known).toMatchObject({ [marie]: { kind: 'complained', deliveredAt: at } });

    bench = new FeedbackBench();
    await apply([aComplaint(marie, '2026-08-01T11:00:00.000Z')]);
    await apply([aDelivery(marie, at)]);
    expect(bench.known).toMatchObject({ [marie]: { kind: 'complained', deliveredAt: at } });
  });

  it('warns of a mail that was sent twice, with both ids of SES', async () => {
    bench.ledger.put(aPart('sent', { sesMessageId: 'ses-2' }));

    await apply([aSend(), aDelivery(marie, at)]);

    expect(bench.lines('sent-twice')).toEqual([
      expect.objectContaining({ deliveryId: 'reply-1', sesMessageIds: ['ses-2', 'ses-1'] }),
    ]);
  });

  it('does not warn of a mail that was sent once', async () => {
    bench.ledger.put(aPart('sent'));

    await apply([aSend(), aDelivery(marie, at), aDelivery(marie, at)]);

    expect(bench.lines('sent-twice')).toEqual([]);
  });

  it('dead-letters what it cannot parse, unchanged, with the cause as an attribute', async () => {
    const hostile = JSON.stringify(anEvent(`type of ${marie}`));

    expect(await apply([hostile, 'no JSON'])).toEqual({ batchItemFailures: [] });

    expect(bench.parked).toEqual([
      { body: hostile, why: { cause: 'unknown-type', detail: expect.not.stringContaining(marie) } },
      { body: 'no JSON', why: { cause: 'not-json', detail: expect.any(String) } },
    ]);
  });

  it('acknowledges events of others, with a log line', async () => {
    expect(await apply([JSON.stringify(anEvent('Open'))])).toEqual({ batchItemFailures: [] });

    expect(bench.lines('event-ignored')).toMatchObject([{ why: 'not-subscribed' }]);
    expect(bench.parked).toEqual([]);
  });

  it('records once per batch the latency of Send events, and of no other events', async () => {
    const later = { deliveryId: 'reply-2', sentAt: '2026-08-01T10:00:55.000Z' };

    await apply([aSend(), aSend(later), aDelivery(marie, at)]);

    expect(bench.paces).toEqual([
      { counts: countLatencies([60_000, 5_000]), newestSentAt: new Date(later.sentAt) },
    ]);
  });

  it('keeps no event in the queue because its latency was not recorded', async () => {
    expect(await apply([aSend()], { latencies: { add: refused } })).toEqual({ batchItemFailures: [] });
    expect(bench.lines('latency-not-counted')).toHaveLength(1);
  });

  it('never logs a full address or the response of a server', async () => {
    await apply([aBounce(marie, at), aBounce(paul, at, { deliveryId: 'reply-2' }, 'Transient'), marie, 'x']);
    await apply([aDelivery(marie, at), marie], {
      ledger: { read: refused, write: refused },
      deadLetters: { park: refused },
    });

    expect(bench.lines('service-failed')).toHaveLength(2);
    expect(JSON.stringify(bench.logged)).not.toMatch(/example\.org|user unknown/);
  });

  describe('if a service does not respond', () => {
    const records = [aSend(), aDelivery(marie, at), aSend({ deliveryId: 'reply-2' })].map((body) =>
      aRecord(body, { ApproximateReceiveCount: '3' }),
    );
    const ofReplyOne = records.slice(0, 2);

    /** The ledger, failing for one delivery. */
    const brokenFor = (broken: string): FeedbackDeps['ledger'] => ({
      read: (id, part) => (id === broken ? refused() : bench.ledger.read(id, part)),
      write: (statuses, before) => bench.ledger.write(statuses, before),
    });

    it('postpones the events of that delivery, and applies the others', async () => {
      const response = await feedbackBatch(records, { ...bench.deps, ledger: brokenFor('reply-1') });

      expect(response.batchItemFailures).toEqual(
        ofReplyOne.map(({ messageId }) => ({ itemIdentifier: messageId })),
      );
      expect(bench.postponed).toEqual(
        ofReplyOne.map(({ receiptHandle }) => ({ receiptHandle, delaySeconds: 15 })),
      );
      expect(await bench.statuses('reply-1')).toBeUndefined();
      expect(await bench.statuses('reply-2')).toMatchObject({ [marie]: { kind: 'sent' } });
    });

    it('retries an event within ten minutes, however often it failed', async () => {
      const record = aRecord(aSend(), { ApproximateReceiveCount: '900' });

      await feedbackBatch([record], { ...bench.deps, ledger: brokenFor('reply-1'), random: () => 0.999 });

      expect(bench.postponed).toEqual([
        { receiptHandle: record.receiptHandle, delaySeconds: FEEDBACK_MAX_RETRY_SECONDS },
      ]);
    });

    it('counts no latency of an event that was not applied', async () => {
      await feedbackBatch(records, { ...bench.deps, ledger: brokenFor('reply-2') });

      expect(bench.paces).toMatchObject([{ counts: countLatencies([60_000]) }]);
    });

    it('writes no status before the API has a receipt', async () => {
      const receipts: FeedbackDeps['receipts'] = { push: async (all) => all };

      const response = await feedbackBatch(records, { ...bench.deps, receipts });

      expect(response.batchItemFailures).toHaveLength(3);
      expect([await bench.statuses('reply-1'), await bench.statuses('reply-2')]).toEqual([{}, {}]);
      expect(bench.lines('service-failed')).toMatchObject([
        { code: 'RECEIPTS_NOT_CONFIRMED' },
        { code: 'RECEIPTS_NOT_CONFIRMED' },
      ]);
    });

    it('keeps a bounce until it is on the suppression list, and writes it to the ledger before', async () => {
      const bounce = aRecord(aBounce(marie, at));
      const failing = { ...bench.deps, suppressions: { report: refused } };

      const response = await feedbackBatch([bounce], failing);

      expect(response.batchItemFailures).toEqual([{ itemIdentifier: bounce.messageId }]);
      expect(await bench.statuses()).toMatchObject({ [marie]: { kind: 'bounced' } });
      expect(bench.suppressions.size).toBe(0);

      // The ledger already has it, but the list does not.
      await feedbackBatch([bounce], bench.deps);
      expect(bench.suppressions.get(marie)).toMatchObject({ hardBounce: { deliveryId: 'reply-1' } });
    });

    it('reports a bounce to the suppression list while the ledger is down', async () => {
      await apply([aBounce(marie, at)], { ledger: { read: refused, write: refused } });

      expect(bench.suppressions.get(marie)).toMatchObject({ hardBounce: { deliveryId: 'reply-1' } });
    });

    it('keeps what it could not dead-letter', async () => {
      const record = aRecord('no JSON');

      const response = await feedbackBatch([record], { ...bench.deps, deadLetters: { park: refused } });

      expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    });

    it('leaves the delay to the visibility timeout if it cannot postpone', async () => {
      const response = await apply([aSend()], {
        ledger: { read: refused, write: refused },
        redelivery: { postpone: refused },
      });

      expect(response.batchItemFailures).toHaveLength(1);
      expect(bench.lines('visibility-change-failed')).toHaveLength(1);
    });

    it('begins nothing that the invocation has no time for, and releases it at once', async () => {
      const response = await feedbackBatch(records, { ...bench.deps, hasTime: () => false });

      expect(response.batchItemFailures).toHaveLength(3);
      expect(bench.postponed.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 0, 0]);
      expect(bench.ledger.writes).toBe(0);
    });
  });

  it('processes several deliveries concurrently, but not the whole batch', async () => {
    let active = 0;
    let most = 0;
    const ledger: FeedbackDeps['ledger'] = {
      read: async (id, part) => {
        most = Math.max(most, ++active);
        await Promise.resolve();
        return bench.ledger.read(id, part).finally(() => --active);
      },
      write: (statuses, before) => bench.ledger.write(statuses, before),
    };
    const ids = Array.from({ length: 30 }, (_, index) => `reply-${index}`);

    await apply(
      ids.map((deliveryId) => aSend({ deliveryId })),
      { ledger },
    );

    expect(most).toBe(8);
    for (const id of ids) expect(await bench.statuses(id)).toBeDefined();
  });
});
